#include "sdk/sim/bluez/timers.h"

#include <algorithm>

namespace madoguchi::bluez {

Timers::Id Timers::After(std::chrono::milliseconds delay, std::function<void()> what) {
  const Id id{now_ + delay, ++set_};
  due_.emplace(id, std::move(what));
  return id;
}

std::optional<Timers::Clock::time_point> Timers::Next() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first.first;
}

void Timers::AdvanceTo(Clock::time_point now) {
  while (!due_.empty() && due_.begin()->first.first <= now) {
    auto first = due_.extract(due_.begin());
    now_ = std::max(now_, first.key().first);
    first.mapped()();
  }
  now_ = std::max(now_, now);
}

void Timer::Start(std::chrono::milliseconds delay, std::function<void()> what) {
  Stop();
  id_ = timers_.After(delay, [this, what = std::move(what)] {
    id_.reset();
    what();
  });
}

void Timer::Stop() {
  if (id_) timers_.Cancel(*id_);
  id_.reset();
}

}  // namespace madoguchi::bluez
