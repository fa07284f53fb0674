#ifndef MADOGUCHI_READERS_PCSC_SIDE_THREADS_H_
#define MADOGUCHI_READERS_PCSC_SIDE_THREADS_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace madoguchi::pcsc {

// Threads for calls that may never come back: whoever waits for a job leaves it behind when its
// patience is over. Threads that have done theirs wait for the next job: on a busy machine one that
// wakes up gets its turn milliseconds before a new one does. Made by std::make_shared; thread-safe.
class SideThreads : public std::enable_shared_from_this<SideThreads> {
 public:
  void Run(std::function<void()> job);
  // The threads end when their jobs do; jobs that nobody began, or that come later, are dropped.
  // Waits for none.
  void End();

 private:
  void DoJobs();

  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::function<void()>> jobs_;
  size_t idle_ = 0;
  bool ended_ = false;
};

}  // namespace madoguchi::pcsc

#endif  // MADOGUCHI_READERS_PCSC_SIDE_THREADS_H_
