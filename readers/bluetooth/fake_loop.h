#ifndef MADOGUCHI_READERS_BLUETOOTH_FAKE_LOOP_H_
#define MADOGUCHI_READERS_BLUETOOTH_FAKE_LOOP_H_

#include <deque>

#include "readers/bluetooth/loop.h"

namespace madoguchi::bluetooth {

// A loop for tests, whose clock stands until it is moved. One thread.
class FakeLoop final : public Loop {
 public:
  Clock::time_point Now() const override { return now_; }
  void Post(std::function<void()> what) override { posted_.push_back(std::move(what)); }
  // Calls what was posted, until nothing is.
  void Settle() {
    while (!posted_.empty()) {
      const auto what = std::move(posted_.front());
      posted_.pop_front();
      what();
    }
  }
  // Moves the clock, and calls what becomes due, each at its own time.
  void Advance(std::chrono::milliseconds by) {
    const auto until = now_ + by;
    Settle();
    while (NextDue() && *NextDue() <= until) {
      now_ = std::max(now_, *NextDue());
      CallDue();
      Settle();
    }
    now_ = until;
  }
  // Whether anything is to happen by itself.
  bool idle() const { return posted_.empty() && !NextDue(); }

 private:
  Clock::time_point now_ = Clock::time_point(std::chrono::hours(1));
  std::deque<std::function<void()>> posted_;
};

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_FAKE_LOOP_H_
