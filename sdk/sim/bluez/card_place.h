#ifndef MADOGUCHI_SDK_SIM_BLUEZ_CARD_PLACE_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_CARD_PLACE_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "sdk/sim/bluez/firmware.h"
#include "sdk/sim/bluez/loop.h"
#include "sdk/sim/slot/card_slot.h"

namespace madoguchi::bluez {

// Where a virtual card is laid on a reader: a slot with a socket in the loop.
class CardPlace : public Card {
 public:
  explicit CardPlace(Loop& loop) : loop_(loop) {}
  ~CardPlace() override { loop_.Forget(slot_.fd()); }

  // One of the two: a Unix socket's path, or a port of the loopback (0: a free one), which is
  // returned.
  absl::Status Listen(const std::string& path) { return slot_.Listen(path); }
  absl::StatusOr<uint16_t> ListenOnPort(uint16_t port) { return slot_.ListenOnPort(port); }
  // Whom to tell from now on.
  void Serve(Firmware& firmware);

  bool present() const override { return present_; }
  std::optional<Bytes> PowerOn() override;
  void PowerOff() override { slot_.PowerOff(); }
  bool Send(std::span<const uint8_t> apdu) override { return slot_.Send(apdu); }
  void Abandon() override { slot_.Abandon(); }

 private:
  void Take(Firmware& firmware);

  Loop& loop_;
  sim::CardSlot slot_;
  bool present_ = false;
};

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_CARD_PLACE_H_
