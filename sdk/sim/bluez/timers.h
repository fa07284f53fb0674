#ifndef MADOGUCHI_SDK_SIM_BLUEZ_TIMERS_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_TIMERS_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

namespace madoguchi::bluez {

// What is to happen later, on a clock that the owner moves: the real one in the program's loop, a
// test's own in a test. For one thread.
class Timers {
 public:
  using Clock = std::chrono::steady_clock;
  using Id = std::pair<Clock::time_point, uint64_t>;

  explicit Timers(Clock::time_point now = Clock::now()) : now_(now) {}

  // Runs `what` once, from AdvanceTo, in the order in which the times come.
  Id After(std::chrono::milliseconds delay, std::function<void()> what);
  // Does nothing when it ran already. The function is gone when Cancel returns.
  void Cancel(Id id) { due_.erase(id); }

  Clock::time_point now() const { return now_; }
  // When the next is due; nullopt when none is set.
  std::optional<Clock::time_point> Next() const;
  // Moves the clock, and runs what is due by then, also what that sets.
  void AdvanceTo(Clock::time_point now);

 private:
  Clock::time_point now_;
  uint64_t set_ = 0;
  std::map<Id, std::function<void()>> due_;
};

// A timer that ends with its owner. Starting it again takes the first start back.
class Timer {
 public:
  explicit Timer(Timers& timers) : timers_(timers) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { Stop(); }

  void Start(std::chrono::milliseconds delay, std::function<void()> what);
  void Stop();
  bool runs() const { return id_.has_value(); }

 private:
  Timers& timers_;
  std::optional<Timers::Id> id_;
};

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_TIMERS_H_
