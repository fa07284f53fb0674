#include "host/desk/clerk.h"

#include <utility>

namespace madoguchi {

Clerk::Clerk() : thread_([this](const std::stop_token& stopping) { Work(stopping); }) {}

Clerk::~Clerk() { RequestStop(); }

bool Clerk::Take(Errand errand) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopping() || waiting_.size() >= kMostWaiting) return false;
    waiting_.push_back(std::move(errand));
  }
  wake_.notify_one();
  return true;
}

void Clerk::RequestStop() {
  // With the mutex, so that none is taken after the last look at those that wait.
  std::lock_guard<std::mutex> lock(mutex_);
  thread_.request_stop();
}

void Clerk::Work(const std::stop_token& stopping) {
  std::unique_lock<std::mutex> lock(mutex_);
  while (wake_.wait(lock, stopping, [&] { return !waiting_.empty(); })) {
    const Errand errand = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    errand(stopping.stop_requested());
    lock.lock();
  }
}

}  // namespace madoguchi
