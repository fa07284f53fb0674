#include "host/loader/plugin_log.h"

#include <unistd.h>

#include <string_view>

#include "sdk/failure/plain_line.h"

namespace madoguchi {
namespace {

// What is kept of a line: enough for PlainLine to cut it between two characters.
constexpr size_t kKeptOfLine = kLongestLine + 4;

}  // namespace

bool PluginLog::Take(int fd, Time now) {
  char part[4096];
  for (int turn = 0; turn < 16; ++turn) {
    if (IsFull(now)) return false;
    const ssize_t size = read(fd, part, sizeof(part));
    if (size <= 0) return false;
    std::lock_guard<std::mutex> lock(mutex_);
    if (now - second_ >= std::chrono::seconds(1)) {
      second_ = now;
      taken_ = 0;
    }
    taken_ += static_cast<size_t>(size);
    for (const char c : std::string_view(part, static_cast<size_t>(size))) {
      if (c != '\n') {
        if (rest_.size() < kKeptOfLine) rest_ += c;
        continue;
      }
      EndLine();
    }
    if (taken_ >= kMostInASecond) return true;
  }
  return false;
}

bool PluginLog::IsFull(Time now) const {
  std::lock_guard<std::mutex> lock(mutex_);
  return taken_ >= kMostInASecond && now - second_ < std::chrono::seconds(1);
}

void PluginLog::End(int fd) {
  Take(fd, std::chrono::steady_clock::now());
  std::lock_guard<std::mutex> lock(mutex_);
  if (!rest_.empty()) EndLine();
}

void PluginLog::EndLine() {
  taken_ += kCostOfLine;
  lines_.push_back(PlainLine(rest_));
  rest_.clear();
  if (lines_.size() > kLines) lines_.pop_front();
}

std::vector<std::string> PluginLog::lines() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return {lines_.begin(), lines_.end()};
}

}  // namespace madoguchi
