#include "readers/bluetooth/search.h"

#include <algorithm>
#include <utility>

namespace madoguchi::bluetooth {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSearch(10'000), kShortestRest(1'000), kLongestRest(30'000),
    kRestWithoutNeed(60'000);
constexpr milliseconds kPatience(10'000);

void Nothing(const CallError*) {}

}  // namespace

void Search::Use(const std::string& adapter) {
  if (adapter == adapter_) return;
  // With the adapter its search is over.
  searching_ = false;
  timer_.Stop();
  in_vain_ = 0;
  next_ = loop_.Now();
  need_ = Need::kNone;
  adapter_ = adapter;
  if (!adapter_.empty()) bluez_.SetDiscoveryFilter(adapter_, Nothing);
}

void Search::Steer(Need need) {
  if (adapter_.empty()) return;
  const Need before = std::exchange(need_, need);
  if (need == Need::kHold || need == Need::kNone) {
    if (searching_) End();
    timer_.Stop();
    if (need == Need::kHold) return;
    // What is missed next is another matter.
    in_vain_ = 0;
    next_ = loop_.Now();
    return;
  }
  if (need == Need::kMore) in_vain_ = 0;
  // The rest was that of somebody who misses nothing.
  if (need == Need::kMissing && before == Need::kMore && !searching_) {
    next_ = loop_.Now();
    timer_.Stop();
  }
  if (searching_ || timer_.running()) return;
  if (next_ <= loop_.Now()) return Begin();
  timer_.Start(std::chrono::ceil<milliseconds>(next_ - loop_.Now()), [this] { Begin(); });
}

void Search::Begin() {
  searching_ = true;
  ++in_vain_;
  bluez_.Call(adapter_, kAdapter, "StartDiscovery", kPatience, Nothing);
  timer_.Start(kSearch, [this] {
    End();
    Steer(need_);
  });
}

void Search::End() {
  searching_ = false;
  timer_.Stop();
  bluez_.Call(adapter_, kAdapter, "StopDiscovery", kPatience, Nothing);
  next_ = loop_.Now() +
          (need_ == Need::kMore
               ? kRestWithoutNeed
               : std::min(kShortestRest * (1 << std::clamp(in_vain_ - 1, 0, 5)), kLongestRest));
}

}  // namespace madoguchi::bluetooth
