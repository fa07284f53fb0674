#include "readers/pcsc/side_threads.h"

#include <thread>
#include <utility>

namespace madoguchi::pcsc {

void SideThreads::Run(std::function<void()> job) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (ended_) return;
  jobs_.push_back(std::move(job));
  if (jobs_.size() <= idle_) return came_.notify_one();
  std::thread([threads = shared_from_this()] { threads->DoJobs(); }).detach();
}

void SideThreads::End() {
  // A job may hold what holds these threads: it is destroyed here, and without the lock.
  std::deque<std::function<void()>> dropped;
  std::lock_guard<std::mutex> lock(mutex_);
  ended_ = true;
  dropped.swap(jobs_);
  came_.notify_all();
}

void SideThreads::DoJobs() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!ended_) {
    if (jobs_.empty()) {
      ++idle_;
      came_.wait(lock, [&] { return !jobs_.empty() || ended_; });
      --idle_;
      continue;
    }
    {
      const std::function<void()> job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
    }
    lock.lock();
  }
}

}  // namespace madoguchi::pcsc
