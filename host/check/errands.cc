#include "host/check/errands.h"

#include <utility>

namespace madoguchi {

Errands::~Errands() { RequestStop(); }

bool Errands::Start(Errand errand) {
  std::lock_guard<std::mutex> lock(mutex_);
  // Their threads are at their last instruction: joining them waits for nothing.
  under_way_.remove_if([](const std::unique_ptr<One>& one) { return one->done.load(); });
  if (stopping_ || under_way_.size() >= kMost) return false;
  auto one = std::make_unique<One>();
  one->thread = std::jthread(
      [errand = std::move(errand), done = &one->done](const std::stop_token& stopping) mutable {
        errand(stopping);
        errand = nullptr;
        done->store(true);
      });
  under_way_.push_back(std::move(one));
  return true;
}

void Errands::RequestStop() {
  std::lock_guard<std::mutex> lock(mutex_);
  stopping_ = true;
  for (const auto& one : under_way_) one->thread.request_stop();
}

}  // namespace madoguchi
