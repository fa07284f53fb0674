#ifndef MADOGUCHI_SDK_PLUGIN_UNUSED_SESSIONS_H_
#define MADOGUCHI_SDK_PLUGIN_UNUSED_SESSIONS_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

namespace madoguchi::plugin {

// Sessions in which nothing was asked yet. The host's deadline may come while the answer to Open is
// on its way: then it knows no session, nobody closes it, and its card would be busy until it is
// lifted. A host that has the answer goes on at once. Thread-safe.
class UnusedSessions {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds kPatience{10000};

  void Opened(uint64_t session, Time now) {
    std::lock_guard<std::mutex> lock(mutex_);
    opened_[session] = now;
  }
  // Something is asked in it, or it is closed.
  void Used(uint64_t session) {
    std::lock_guard<std::mutex> lock(mutex_);
    opened_.erase(session);
  }
  // Those that nobody used for kPatience, each once: they are to be closed.
  std::vector<uint64_t> TakeForgotten(Time now) {
    std::vector<uint64_t> forgotten;
    std::lock_guard<std::mutex> lock(mutex_);
    std::erase_if(opened_, [&](const auto& one) {
      if (now - one.second < kPatience) return false;
      forgotten.push_back(one.first);
      return true;
    });
    return forgotten;
  }

 private:
  std::mutex mutex_;
  std::map<uint64_t, Time> opened_;
};

}  // namespace madoguchi::plugin

#endif  // MADOGUCHI_SDK_PLUGIN_UNUSED_SESSIONS_H_
