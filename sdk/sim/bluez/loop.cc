#include "sdk/sim/bluez/loop.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace madoguchi::bluez {

void Loop::Watch(int fd, short events, std::function<void()> ready) {
  watched_[fd] = {events, std::move(ready)};
}

void Loop::Run() {
  using Clock = Timers::Clock;
  while (!stopped_) {
    std::optional<Clock::time_point> until;
    if (before_wait_) until = before_wait_();
    const std::optional<Clock::time_point> next = timers_.Next();
    if (next && (!until || *next < *until)) until = next;

    std::vector<pollfd> polled;
    for (const auto& [fd, watched] : watched_) polled.push_back({fd, watched.events, 0});
    timespec wait{};
    if (until) {
      const auto left = std::max(*until - Clock::now(), Clock::duration::zero());
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
      wait.tv_sec = seconds.count();
      wait.tv_nsec = std::chrono::nanoseconds(left - seconds).count();
    }
    ppoll(polled.data(), polled.size(), until ? &wait : nullptr, nullptr);
    for (const pollfd& one : polled) {
      if (one.revents == 0) continue;
      // An earlier one may have taken this watch away. The copy lives on if it takes itself away.
      const auto watched = watched_.find(one.fd);
      if (watched == watched_.end()) continue;
      const std::function<void()> ready = watched->second.ready;
      ready();
    }
    timers_.AdvanceTo(Clock::now());
  }
}

}  // namespace madoguchi::bluez
