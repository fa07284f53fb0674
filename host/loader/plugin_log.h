#ifndef MADOGUCHI_HOST_LOADER_PLUGIN_LOG_H_
#define MADOGUCHI_HOST_LOADER_PLUGIN_LOG_H_

#include <chrono>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace madoguchi {

// The last lines that a plugin wrote, whichever of its processes did. Thread-safe.
class PluginLog {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // What is taken in a second; the rest waits in its pipe, and the plugin with it. A line counts as
  // so many bytes more: short ones are what costs the host its time.
  static constexpr size_t kMostInASecond = 8 << 20;
  static constexpr size_t kCostOfLine = 256;

  // Reads what is there in `fd`, a pipe that does not block. Bounded, so that a plugin that writes
  // without end keeps nobody here. True when that was the most that is taken in this second.
  bool Take(int fd, Time now);
  // When no more is taken until its second is over.
  bool IsFull(Time now) const;
  // What is left in the pipe of a process that has ended, and its last line without an end.
  void End(int fd);
  // The oldest first; each a PlainLine.
  std::vector<std::string> lines() const;

 private:
  void EndLine();  // with the lock held

  static constexpr size_t kLines = 20;

  mutable std::mutex mutex_;
  std::deque<std::string> lines_;
  std::string rest_;
  Time second_;       // begun then
  size_t taken_ = 0;  // in it
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_LOADER_PLUGIN_LOG_H_
