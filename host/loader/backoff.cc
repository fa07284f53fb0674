#include "host/loader/backoff.h"

#include <algorithm>
#include <utility>

namespace madoguchi {
namespace {

constexpr double kMostJitter = 0.25;

}  // namespace

Backoff::Backoff(const Limits& limits, std::function<double()> random)
    : limits_(limits), random_(std::move(random)), next_(limits.first) {}

Backoff::Duration Backoff::Ended(Time born, Time now) {
  const auto lived = now - born;
  if (lived >= limits_.window) Forget();
  if (lived >= limits_.longest) next_ = limits_.first;
  ends_.push_back(now);
  while (ends_.front() + limits_.window < now) ends_.pop_front();
  quarantined_ = quarantined_ || ends_.size() >= limits_.ends;
  const Duration wait = quarantined_ ? limits_.quarantine : next_;
  next_ = std::min(next_ * 2, limits_.longest);
  const double jitter = kMostJitter * std::clamp(random_(), 0.0, 1.0);
  return wait + std::chrono::duration_cast<Duration>(wait * jitter);
}

void Backoff::Forget() {
  next_ = limits_.first;
  ends_.clear();
  quarantined_ = false;
}

}  // namespace madoguchi
