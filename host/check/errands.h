#ifndef MADOGUCHI_HOST_CHECK_ERRANDS_H_
#define MADOGUCHI_HOST_CHECK_ERRANDS_H_

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

namespace madoguchi {

// What somebody at the desk wants done that waits for a plugin and is no check: each on a thread of
// its own, few at once. Thread-safe. Has no gRPC in it.
class Errands {
 public:
  using Errand = std::function<void(const std::stop_token&)>;
  static constexpr size_t kMost = 4;

  Errands() = default;
  // Ends as RequestStop does, and waits for those under way.
  ~Errands();
  Errands(const Errands&) = delete;
  Errands& operator=(const Errands&) = delete;

  // False, and nothing is done, when kMost are under way or a stop was requested. Never waits for
  // an errand.
  bool Start(Errand errand);
  // Asks those under way to end, and lets no other begin. Waits for nothing.
  void RequestStop();
  bool stopping() const { return stopping_; }

 private:
  struct One {
    std::atomic<bool> done = false;
    std::jthread thread;
  };

  std::mutex mutex_;
  std::atomic<bool> stopping_ = false;
  std::list<std::unique_ptr<One>> under_way_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_CHECK_ERRANDS_H_
