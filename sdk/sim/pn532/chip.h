#ifndef MADOGUCHI_SDK_SIM_PN532_CHIP_H_
#define MADOGUCHI_SDK_SIM_PN532_CHIP_H_

#include <chrono>
#include <map>
#include <optional>
#include <random>
#include <span>

#include "sdk/sim/pn532/faults.h"
#include "sdk/sim/pn532/frame.h"
#include "sdk/sim/pn532/iso_dep.h"

namespace madoguchi::pn532 {

// What a chip is soldered to. Nothing of this waits or calls back into the chip.
class Board {
 public:
  virtual ~Board() = default;
  // Sends bytes to the host.
  virtual void Say(Bytes bytes) = 0;
  // The serial device disappears, and comes back after `away`, where that is not 0.
  virtual void Unplug(std::chrono::milliseconds away) = 0;
  // A card that has an ATR lies there.
  virtual bool HasCard() const = 0;
  virtual const Bytes& Atr() const = 0;
  virtual void PowerCard(bool on) = 0;
  // False when the card does not take it.
  virtual bool ToCard(std::span<const uint8_t> apdu) = 0;
  // Nobody waits for the answer any more.
  virtual void AbandonCard() = 0;
};

// A PN532 on its serial line (NXP UM0701-02), as far as libnfc and its tools talk to one, with one
// card of type B before its antenna. Not thread-safe; it never waits, and is told the time.
class Chip {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;

  // `board` must outlive it; `seed` is of the PUPIs.
  Chip(Board& board, uint32_t seed) : board_(board), random_(seed) {}

  // What came from the host, in pieces of any size.
  void Heard(std::span<const uint8_t> bytes, Time now);
  // The serial line was cut and is there again: power was off.
  void PowerUp();

  void CardCame();
  void CardLeft();
  void CardAnswered(std::span<const uint8_t> answer, Time now);

  // When Turn has something to do.
  std::optional<Time> next() const;
  void Turn(Time now);

  // Those that happen at once, happen at once.
  void AddFault(Fault fault);
  // Also brings chip and card back, and leaves counts as they are.
  void ClearFaults();

  bool awake() const { return awake_; }
  bool field() const { return field_; }
  // How often it went off.
  uint64_t fields_off() const { return fields_off_; }
  bool selected() const { return target_ == Target::kSelected; }
  // APDUs since the card came, and of all cards.
  uint64_t apdus() const { return apdus_; }
  uint64_t apdus_total() const { return apdus_total_; }
  uint64_t commands() const { return commands_; }

 private:
  // kLost: the card left, and the chip has not noticed yet.
  enum class Target { kNone, kSelected, kDeselected, kLost };
  // What the chip is doing, its answer yet to come.
  enum class Busy { kIdle, kList, kAuto, kExchange, kThrough, kForEver };

  void Command(const Bytes& frame, Time now);
  void Run(Time now);
  bool IsApdu(const Bytes& frame) const;
  // What is under way is given up.
  void Stop();
  // Answers the command under way.
  void Answer(Bytes data);
  void AnswerStatus(uint8_t status) { Answer({status}); }

  bool CardInField() const { return !field_lost_ && board_.HasCard(); }
  // The card behind it keeps all that it knows for as long as a card may.
  void Field(bool on, Time now);
  void PowerCard(bool on);
  void DropTarget();
  // Ends a poll that waits for the card which is there now.
  void Find();
  // A card in the field, which is on: the target data of a poll that found it.
  Bytes Activate();
  Bytes Atqb() const;

  void Configure(std::span<const uint8_t> data, Time now);
  void Registers(std::span<const uint8_t> data, bool write);
  void Diagnose(std::span<const uint8_t> data);
  void List(std::span<const uint8_t> data, Time now);
  void AutoPoll(std::span<const uint8_t> data, Time now);
  void Exchange(std::span<const uint8_t> data);
  void Through(std::span<const uint8_t> data, Time now);
  void NextPart();
  void ToCard(std::span<const uint8_t> apdu);
  void Deliver();
  void Happen(const Fault& fault);

  Board& board_;
  std::mt19937 random_;
  FrameDecoder decoder_;
  bool awake_ = false;
  bool field_ = false;
  uint64_t fields_off_ = 0;
  uint8_t tries_ = 0xFF;  // RFConfiguration 05: one less than the tries, FF without end
  std::map<uint16_t, uint8_t> registers_;

  bool card_powered_ = false;
  std::optional<Time> card_forgets_;  // while the field is off

  Target target_ = Target::kNone;
  Bytes pupi_;
  IsoDep iso_dep_;
  Bytes command_;    // chained by the host, of which more is to come
  Bytes response_;   // of which more is to be fetched
  Bytes last_said_;  // repeated on a NACK
  Bytes late_;       // held back by a fault until the next command

  Busy busy_ = Busy::kIdle;
  Bytes running_;                  // the command under way
  uint8_t auto_type_ = 0;          // the type that an InAutoPoll found matching, 0: none
  std::optional<Time> next_;       // the end of a poll, or when the card's answer is due
  std::optional<Bytes> answered_;  // by the card, and held back until then

  Faults faults_;
  std::vector<Fault> of_apdu_;  // of the APDU under way
  std::chrono::milliseconds latency_{0};
  bool dead_ = false;
  bool field_lost_ = false;
  uint64_t apdus_ = 0, apdus_total_ = 0, commands_ = 0;
};

}  // namespace madoguchi::pn532

#endif  // MADOGUCHI_SDK_SIM_PN532_CHIP_H_
