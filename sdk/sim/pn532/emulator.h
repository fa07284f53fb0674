#ifndef MADOGUCHI_SDK_SIM_PN532_EMULATOR_H_
#define MADOGUCHI_SDK_SIM_PN532_EMULATOR_H_

#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "sdk/sim/control/control.h"
#include "sdk/sim/pn532/chip.h"
#include "sdk/sim/pn532/line.h"
#include "sdk/sim/pn532/options.h"
#include "sdk/sim/slot/card_slot.h"

namespace madoguchi::pn532 {

// A PN532 board as a program: the chip, its serial line, the place for a card, and the hand of a
// test. One thread.
class Emulator final : private Board {
 public:
  // All of it is ready to be used; the status says what could not be opened.
  static absl::StatusOr<std::unique_ptr<Emulator>> Make(const Options& options);

  // Until one of the descriptors can be read (-1: none).
  void Run(int stop, int other_stop);

 private:
  using Time = Chip::Time;

  explicit Emulator(const Options& options);
  // Of the time when any part has something to do.
  std::optional<Time> Next() const;
  void Turn(Time now);
  std::string Command(const std::string& line);
  std::string Status() const;
  void Note(char direction, std::span<const uint8_t> bytes);

  void Say(Bytes bytes) override;
  void Unplug(std::chrono::milliseconds away) override;
  bool HasCard() const override { return slot_.powered(); }
  const Bytes& Atr() const override { return slot_.atr(); }
  void PowerCard(bool on) override { on ? slot_.PowerOn() : slot_.PowerOff(); }
  bool ToCard(std::span<const uint8_t> apdu) override { return slot_.Send(apdu); }
  void AbandonCard() override { slot_.Abandon(); }

  Line line_;
  sim::CardSlot slot_;
  Chip chip_;
  std::optional<sim::Control> control_;
  std::ofstream trace_;
  Time now_;
  bool unplugging_ = false;  // a fault asked for it, and the chip is still in a call
  std::optional<Time> replug_;
};

}  // namespace madoguchi::pn532

#endif  // MADOGUCHI_SDK_SIM_PN532_EMULATOR_H_
