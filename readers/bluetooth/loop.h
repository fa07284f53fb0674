#ifndef MADOGUCHI_READERS_BLUETOOTH_LOOP_H_
#define MADOGUCHI_READERS_BLUETOOTH_LOOP_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

// One thread does everything that has to do with Bluetooth: whatever is said of "the loop's thread"
// is said of the thread that runs this.
namespace madoguchi::bluetooth {

using Clock = std::chrono::steady_clock;

// A clock, and what is to be done when. Tests have their own clock (fake_loop.h). All but Post is
// of the loop's thread.
class Loop {
 public:
  // When it is due, and the order in which it was asked for.
  using TimerId = std::pair<Clock::time_point, uint64_t>;

  virtual ~Loop() = default;
  virtual Clock::time_point Now() const = 0;
  // Calls `what` once on the loop's thread, soon. Any thread.
  virtual void Post(std::function<void()> what) = 0;
  // Calls `what` once, from the loop itself and never from here.
  TimerId After(std::chrono::milliseconds delay, std::function<void()> what);
  // Nothing when it was called already.
  void Cancel(TimerId id) { timers_.erase(id); }

 protected:
  std::optional<Clock::time_point> NextDue() const;
  // Calls what is due by now.
  void CallDue();

 private:
  uint64_t asked_ = 0;
  std::map<TimerId, std::function<void()>> timers_;
};

// A timer that ends with its owner. Starting it again forgets the first start.
class Timer {
 public:
  explicit Timer(Loop& loop) : loop_(loop) {}
  ~Timer() { Stop(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void Start(std::chrono::milliseconds delay, std::function<void()> what);
  void Stop();
  bool running() const { return id_.has_value(); }

 private:
  Loop& loop_;
  std::optional<Loop::TimerId> id_;
};

// For callbacks that may come when nobody wants them any more: those wrapped before Cut, or whose
// Leash is gone, do nothing.
class Leash {
 public:
  template <typename... Arguments>
  std::function<void(Arguments...)> Wrap(std::function<void(Arguments...)> what) {
    return [held = std::weak_ptr<bool>(end_), what = std::move(what)](Arguments... arguments) {
      if (const auto alive = held.lock()) what(std::forward<Arguments>(arguments)...);
    };
  }
  void Cut() { end_ = std::make_shared<bool>(); }

 private:
  std::shared_ptr<bool> end_ = std::make_shared<bool>();
};

// The real one: waits in poll for timers, posts, and one source of events, the connection to D-Bus.
class PollLoop final : public Loop {
 public:
  // What poll is to wait for. `fd` -1: nothing but `due`.
  struct Wanted {
    int fd = -1;
    short events = 0;  // NOLINT(google-runtime-int): poll's
    std::optional<Clock::time_point> due;
  };
  class Source {
   public:
    virtual ~Source() = default;
    // Does what can be done without waiting, and says what to wait for.
    virtual Wanted Turn() = 0;
  };

  PollLoop();
  ~PollLoop() override;

  Clock::time_point Now() const override { return Clock::now(); }
  void Post(std::function<void()> what) override;
  // Until Stop. A command with a PIN goes to the D-Bus library on this thread: the stack is wiped
  // after each turn.
  void Run(Source& source);
  // Ends Run after its turn; any thread.
  void Stop();

 private:
  void CallPosted();

  int wake_ = -1;
  std::mutex mutex_;
  bool stopped_ = false;
  std::vector<std::function<void()>> posted_;
};

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_LOOP_H_
