#ifndef MADOGUCHI_SDK_SIM_CARD_CARD_H_
#define MADOGUCHI_SDK_SIM_CARD_CARD_H_

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "sdk/sim/card/apdu.h"
#include "sdk/sim/card/application.h"
#include "sdk/sim/card/faults.h"
#include "sdk/sim/card/state.h"

namespace madoguchi::sim {

// The chip: a command APDU in, a response APDU out. It sends nothing, sleeps nowhere and counts
// only the tries of its secrets (in State). One thread at a time.
//
// Behaviour follows measurements of real cards published by several projects; where nobody has
// published an answer this card does the following:
// - a verified secret survives the selection of another application, until Reset;
// - a secret of any length from 1 to 16 bytes is compared and, if wrong, costs a try;
// - a failed SELECT changes nothing.
class Card {
 public:
  // `applications` in the order in which a prefix of a name finds them. The link's faults
  // (pulled-before, silent-from, garbage-from, slow) are none of this class' business.
  Card(std::vector<Application> applications, State state, const Faults& faults);

  // The response is data and status word: at least 2 bytes. `apdu` is not kept. Reads of a
  // secret's bytes happen in place: no copy of them is made here.
  Bytes Transmit(std::span<const uint8_t> apdu);

  // Power off and on, or a reset: selection and verified secrets are forgotten.
  void Reset();

  // Changes what needs no other files; selection and verified secrets stay.
  void set_faults(const Faults& faults) { faults_ = faults; }

  // Exchanges files and faults under a running card and forgets as Reset does.
  void Replace(std::vector<Application> applications, const Faults& faults);

  State& state() { return state_; }
  const State& state() const { return state_; }

 private:
  Bytes Select(const Command& command);
  Bytes ReadBinary(const Command& command);
  Bytes ReadRecord(const Command& command);
  Bytes Verify(const Command& command);
  Bytes Change(const Command& command);
  Bytes Sign(const Command& command);
  Bytes GetChallenge(const Command& command);
  Bytes GetData(const Command& command);

  // The file that `short_id` names, which it makes the current one, or the current one where
  // short_id is 0. Null with `status` where there is none.
  const ElementaryFile* Find(uint8_t short_id, uint16_t& status);
  // The same for a P2 of 80 or 80|short id.
  const ElementaryFile* Referenced(uint8_t p2, uint16_t& status);
  bool Opened(const ElementaryFile& file) const;

  std::vector<Application> applications_;
  State state_;
  Faults faults_;

  const Application* application_ = nullptr;
  const ElementaryFile* file_ = nullptr;
  std::set<std::string> verified_;
};

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_CARD_H_
