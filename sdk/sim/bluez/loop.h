#ifndef MADOGUCHI_SDK_SIM_BLUEZ_LOOP_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_LOOP_H_

#include <functional>
#include <map>

#include "sdk/sim/bluez/timers.h"

namespace madoguchi::bluez {

// Waits for descriptors and timers, and calls who asked for them, all on one thread.
class Loop {
 public:
  Timers& timers() { return timers_; }

  // Calls `ready` while `fd` has one of poll's `events` (or has closed or failed). One watch for a
  // descriptor; a second replaces the first.
  void Watch(int fd, short events, std::function<void()> ready);  // NOLINT(google-runtime-int)
  // To be called before the descriptor is closed.
  void Forget(int fd) { watched_.erase(fd); }

  // Asked before each wait: may change watches, and say how long to wait at most (nullopt: for
  // ever).
  void BeforeWait(std::function<std::optional<Timers::Clock::time_point>()> ask) {
    before_wait_ = std::move(ask);
  }

  // Until Stop is called.
  void Run();
  void Stop() { stopped_ = true; }

 private:
  struct Watched {
    short events;  // NOLINT(google-runtime-int)
    std::function<void()> ready;
  };

  Timers timers_;
  std::map<int, Watched> watched_;
  std::function<std::optional<Timers::Clock::time_point>()> before_wait_;
  bool stopped_ = false;
};

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_LOOP_H_
