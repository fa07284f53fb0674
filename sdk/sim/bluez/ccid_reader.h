#ifndef MADOGUCHI_SDK_SIM_BLUEZ_CCID_READER_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_CCID_READER_H_

#include "sdk/sim/bluez/ccid_frame.h"
#include "sdk/sim/bluez/chain.h"
#include "sdk/sim/bluez/firmware.h"

namespace madoguchi::bluez {

// The firmware of readers that speak CCID over GATT: Feitian's bR301, whose slot changes come on
// the pipe of its answers, and SpringCard's SpringCore, which has a pipe for them.
class CcidReader : public Firmware {
 public:
  enum class Make { kFeitian, kSpringCore };

  CcidReader(Card& card, Timers& timers, const Faults& faults,
             std::chrono::milliseconds card_patience, Make make)
      : Firmware(card, timers, faults, card_patience), make_(make) {}

  Profile profile() const override;
  // SpringCore: the number of slots, and two bits a slot, present and changed.
  Bytes Status() const override;

 private:
  void Feed(std::span<const uint8_t> piece) override { cutter_.Feed(piece); }
  std::optional<Bytes> NextFrame() override { return cutter_.Next(); }
  void Handle(const Bytes& frame) override;
  void Forget() override;
  void Answered(std::optional<Bytes> response) override;
  void CardChanged() override;

  void HandlePowerOn();
  void HandleTransfer(const ccid::Message& message);
  void AnswerMessage(uint8_t type, Bytes data = {}, uint8_t chain = 0);
  // `error` is bError (table 6.2-2).
  void AnswerFailed(uint8_t type, uint8_t error);
  uint8_t IccStatus() const;

  const Make make_;
  ccid::MessageCutter cutter_;
  uint8_t slot_ = 0, seq_ = 0;  // of the request being handled
  bool powered_ = false;
  Chain chain_;
};

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_CCID_READER_H_
