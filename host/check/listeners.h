#ifndef MADOGUCHI_HOST_CHECK_LISTENERS_H_
#define MADOGUCHI_HOST_CHECK_LISTENERS_H_

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace madoguchi {

// Somebody who wants to know that something changed. Thread-safe.
class Listener {
 public:
  explicit Listener(std::function<void()> poke) : poke_(std::move(poke)) {}
  void Poke() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (poke_) poke_();
  }
  // No poke comes after this; waits for one under way. Not to be called from within the poke.
  void Stop() {
    std::lock_guard<std::mutex> lock(mutex_);
    poke_ = nullptr;
  }

 private:
  std::mutex mutex_;
  std::function<void()> poke_;
};

// Pokes listeners outside of all locks of its own, so that a listener may come and go meanwhile. A
// listener that nobody holds any more is forgotten. Thread-safe.
class Listeners {
 public:
  void Add(const std::shared_ptr<Listener>& listener) {
    std::lock_guard<std::mutex> lock(mutex_);
    // Here too: what seldom changes would otherwise remember everybody who ever listened.
    Forget();
    listeners_.push_back(listener);
  }
  void Poke() {
    std::vector<std::shared_ptr<Listener>> now;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      Forget();
      for (const auto& listener : listeners_) {
        if (auto held = listener.lock()) now.push_back(std::move(held));
      }
    }
    for (const auto& listener : now) listener->Poke();
  }

 private:
  void Forget() {
    std::erase_if(listeners_, [](const auto& listener) { return listener.expired(); });
  }

  std::mutex mutex_;
  std::vector<std::weak_ptr<Listener>> listeners_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_CHECK_LISTENERS_H_
