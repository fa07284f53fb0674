#include "host/loader/consumption.h"

#include <time.h>

#include <filesystem>

namespace madoguchi {
namespace {

// Of a processor; a plugin that spins is interrupted now and then.
constexpr int kMostPercent = 80;

}  // namespace

Consumption::Consumption(pid_t pid, const Limits& limits, Time now)
    : pid_(pid), limits_(limits), counted_since_(now), processor_then_(ProcessorTime()) {}

std::vector<std::string> Consumption::Look(Time now) {
  std::vector<std::string> told;
  if (now < next_) return told;
  next_ = now + limits_.period;
  const bool all = Descriptors() >= limits_.descriptors;
  if (all && !descriptors_told_) {
    told.push_back("took all " + std::to_string(limits_.descriptors) +
                   " descriptors that it may have");
  }
  descriptors_told_ = all;
  if (const auto passed = now - counted_since_; passed >= limits_.whole_processor) {
    const auto taken = ProcessorTime() - processor_then_;
    if (taken * 100 >= passed * kMostPercent) {
      const auto seconds = std::chrono::round<std::chrono::seconds>(limits_.whole_processor);
      told.push_back("took a whole processor for " + std::to_string(seconds.count()) + " s");
    }
    counted_since_ = now;
    processor_then_ += taken;
  }
  return told;
}

std::chrono::nanoseconds Consumption::ProcessorTime() const {
  clockid_t clock;
  timespec time{};
  if (clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &time) != 0) return {};
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

int Consumption::Descriptors() const {
  std::error_code error;
  int count = 0;
  for (std::filesystem::directory_iterator one("/proc/" + std::to_string(pid_) + "/fd", error), end;
       !error && one != end; one.increment(error)) {
    ++count;
  }
  return count;
}

}  // namespace madoguchi
