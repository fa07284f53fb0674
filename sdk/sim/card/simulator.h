#ifndef MADOGUCHI_SDK_SIM_CARD_SIMULATOR_H_
#define MADOGUCHI_SDK_SIM_CARD_SIMULATOR_H_

#include <chrono>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "sdk/sim/card/card.h"
#include "sdk/sim/control/control.h"
#include "sdk/sim/card/faults.h"
#include "sdk/sim/card/folder.h"
#include "sdk/sim/card/insertion.h"
#include "sdk/sim/card/slot.h"
#include "sdk/sim/card/trace.h"

namespace madoguchi::sim {

// A card that goes into its slot as soon as a reader listens there, and again whenever the reader
// comes back, until it is told to stop. One thread: Run does everything.
class Simulator {
 public:
  // Everything passed by reference outlives the simulator. `first_faults` are those the card
  // begins with; "faults clear" takes all away but `latency`.
  Simulator(const Folder& folder, Card& card, Trace& trace, Slot& slot, Bytes atr,
            std::chrono::milliseconds latency, const Faults& first_faults);

  // Until `stop_fd` is readable; then the card is taken away. `control` may be null.
  void Run(int stop_fd, Control* control);

  // One line of the control socket; the commands stand in README.md.
  std::string Command(const std::string& line);

 private:
  using Clock = std::chrono::steady_clock;

  absl::Status SetFaults(const Faults& faults);
  std::string Status() const;
  void Remove();
  void TryToConnect(Clock::time_point now);
  void TakeMessages(Clock::time_point now);
  bool Answer();
  std::optional<Clock::time_point> NextTime() const;

  const Folder& folder_;
  Card& card_;
  Slot& slot_;
  const std::chrono::milliseconds latency_;
  Faults faults_;
  Insertion insertion_;

  bool wanted_ = true;  // The card is meant to be in the slot.
  bool inserted_ = false;
  Clock::time_point next_try_;
  Clock::duration backoff_;
  struct Pending {
    Bytes bytes;
    Clock::time_point due;
  };
  std::optional<Pending> pending_;
};

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_SIMULATOR_H_
