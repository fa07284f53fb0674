#ifndef MADOGUCHI_HOST_DESK_CLERK_H_
#define MADOGUCHI_HOST_DESK_CLERK_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace madoguchi {

// What somebody at the desk wants done that touches files: one errand after the other, on a thread
// of its own, so that no file holds up who wants something else. Thread-safe. Has no gRPC in it.
class Clerk {
 public:
  // Is called once, with whether the host is stopping by then: it answers, and does no more.
  using Errand = std::function<void(bool stopping)>;
  static constexpr size_t kMostWaiting = 64;

  Clerk();
  // Ends as RequestStop does, and waits until all that were taken are done.
  ~Clerk();
  Clerk(const Clerk&) = delete;
  Clerk& operator=(const Clerk&) = delete;

  // False, and nothing is done, when kMostWaiting wait or a stop was requested. Waits for nothing.
  bool Take(Errand errand);
  // Waits for nothing either.
  void RequestStop();
  bool stopping() const { return thread_.get_stop_token().stop_requested(); }

 private:
  void Work(const std::stop_token& stopping);

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Errand> waiting_;
  std::jthread thread_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_DESK_CLERK_H_
