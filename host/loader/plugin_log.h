#ifndef MADOGUCHI_HOST_LOADER_PLUGIN_LOG_H_
#define MADOGUCHI_HOST_LOADER_PLUGIN_LOG_H_

#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace madoguchi {

// The last lines that a plugin wrote, whichever of its processes did. Thread-safe.
class PluginLog {
 public:
  // Reads what is there in `fd`, a pipe that does not block. Bounded, so that a plugin that writes
  // without end keeps nobody here.
  void Take(int fd);
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
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_LOADER_PLUGIN_LOG_H_
