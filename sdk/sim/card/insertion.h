#ifndef MADOGUCHI_SDK_SIM_CARD_INSERTION_H_
#define MADOGUCHI_SDK_SIM_CARD_INSERTION_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <span>

#include "sdk/sim/card/apdu.h"
#include "sdk/sim/card/card.h"
#include "sdk/sim/card/faults.h"
#include "sdk/sim/card/trace.h"

namespace madoguchi::sim {

// What a card answers between being put into a reader and being taken away: vpcd's messages in,
// answers out, with the faults of the link and the counts that tests ask for. Neither sends nor
// waits. Holds on to the card and the trace, which must outlive it.
class Insertion {
 public:
  struct Answer {
    Bytes bytes = {};                    // As they go over the wire, without a length.
    std::chrono::milliseconds delay{0};  // To be waited for before.
  };
  struct Outcome {
    std::optional<Answer> answer = {};  // Nothing where the card says nothing.
    bool pulled = false;                // The card is gone, this message unanswered.
  };

  Insertion(Card& card, Trace& trace, Bytes atr);

  // Put in: powered off, counts at zero.
  void Begin();
  void End();

  Outcome Message(std::span<const uint8_t> message);

  void set_faults(const Faults& faults) { faults_ = faults; }

  // Since Begin.
  uint64_t apdus() const { return apdus_; }
  uint64_t verifies() const { return verifies_; }
  // Since the program began. Only VERIFYs with data count: the empty ones cost nothing.
  uint64_t apdus_total() const { return apdus_total_; }
  uint64_t verifies_total() const { return verifies_total_; }

 private:
  Outcome Apdu(std::span<const uint8_t> apdu);
  Bytes Garbage();

  Card& card_;
  Trace& trace_;
  const Bytes atr_;
  Faults faults_;
  std::mt19937 garbage_;
  uint64_t apdus_ = 0;
  uint64_t verifies_ = 0;
  uint64_t apdus_total_ = 0;
  uint64_t verifies_total_ = 0;
};

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_INSERTION_H_
