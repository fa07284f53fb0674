#ifndef MADOGUCHI_HOST_LOADER_BACKOFF_H_
#define MADOGUCHI_HOST_LOADER_BACKOFF_H_

#include <chrono>
#include <deque>
#include <functional>

namespace madoguchi {

// How long a plugin that ended waits to be started again: longer each time, and when it ends over
// and over it is put into quarantine, where it gets one try a minute. Has no clock of its own. Not
// thread-safe.
class Backoff {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::milliseconds;

  struct Limits {
    Duration first{1000};
    Duration longest{60000};
    // So many ends within the window put it into quarantine; a life as long as the window ends it.
    size_t ends = 5;
    Duration window{180000};
    Duration quarantine{60000};
  };

  // `random` gives numbers from 0 to 1: up to a quarter is added to each wait, so that plugins that
  // ended together do not come back together for ever.
  Backoff(const Limits& limits, std::function<double()> random);

  // A life that began at `born` ended at `now`, which is never before an earlier one. How long to
  // wait.
  Duration Ended(Time born, Time now);
  bool quarantined() const { return quarantined_; }
  // An admin wants it to run: as if it had never ended.
  void Forget();

 private:
  const Limits limits_;
  const std::function<double()> random_;
  Duration next_;
  std::deque<Time> ends_;
  bool quarantined_ = false;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_LOADER_BACKOFF_H_
