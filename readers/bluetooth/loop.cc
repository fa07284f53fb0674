#include "readers/bluetooth/loop.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "sdk/secret/secret.h"

namespace madoguchi::bluetooth {
namespace {

// Deeper than libsystemd goes to send a message.
constexpr size_t kStack = 64 * 1024;

}  // namespace

Loop::TimerId Loop::After(std::chrono::milliseconds delay, std::function<void()> what) {
  const TimerId id(Now() + delay, ++asked_);
  timers_[id] = std::move(what);
  return id;
}

std::optional<Clock::time_point> Loop::NextDue() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->first.first;
}

void Loop::CallDue() {
  while (!timers_.empty() && timers_.begin()->first.first <= Now()) {
    const std::function<void()> what = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    what();
  }
}

void Timer::Start(std::chrono::milliseconds delay, std::function<void()> what) {
  Stop();
  id_ = loop_.After(delay, [this, what = std::move(what)] {
    id_.reset();
    // It may end this timer, or start it anew.
    const std::function<void()> now = what;
    now();
  });
}

void Timer::Stop() {
  if (id_) loop_.Cancel(*id_);
  id_.reset();
}

PollLoop::PollLoop() : wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

PollLoop::~PollLoop() {
  if (wake_ >= 0) close(wake_);
}

void PollLoop::Post(std::function<void()> what) {
  std::lock_guard<std::mutex> lock(mutex_);
  posted_.push_back(std::move(what));
  eventfd_write(wake_, 1);
}

void PollLoop::Stop() {
  std::lock_guard<std::mutex> lock(mutex_);
  stopped_ = true;
  eventfd_write(wake_, 1);
}

void PollLoop::CallPosted() {
  eventfd_t count;
  eventfd_read(wake_, &count);
  std::vector<std::function<void()>> posted;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    posted.swap(posted_);
  }
  for (const auto& what : posted) what();
}

void PollLoop::Run(Source& source) {
  while (true) {
    CallPosted();
    CallDue();
    const Wanted wanted = source.Turn();
    WipeStackBelow(kStack);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (stopped_) return;
    }
    std::optional<Clock::time_point> due = NextDue();
    if (wanted.due && (!due || *wanted.due < *due)) due = wanted.due;
    int patience = -1;
    if (due) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - Now()).count();
      patience = static_cast<int>(std::clamp<int64_t>(left, 0, 60'000));
    }
    pollfd watched[] = {{wake_, POLLIN, 0}, {wanted.fd, wanted.events, 0}};
    poll(watched, 2, patience);
  }
}

}  // namespace madoguchi::bluetooth
