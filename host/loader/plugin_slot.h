#ifndef MADOGUCHI_HOST_LOADER_PLUGIN_SLOT_H_
#define MADOGUCHI_HOST_LOADER_PLUGIN_SLOT_H_

#include <grpcpp/channel.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "host/loader/backoff.h"
#include "madoguchi/desk/v1/desk.pb.h"
#include "madoguchi/plugin/v1/plugin.pb.h"
#include "sdk/launch/image.h"
#include "sdk/launch/jail/jail.h"
#include "sdk/launch/launch.h"
#include "sdk/launch/process.h"

namespace madoguchi {

// One life of a plugin: the process that was started for the generation-th time, up to its death.
// Whoever holds it may call; after the death every call fails with UNAVAILABLE at once.
struct PluginLife {
  plugin::v1::Kind kind = plugin::v1::KIND_UNSPECIFIED;
  uint64_t generation = 0;
  pid_t pid = -1;
  std::shared_ptr<grpc::Channel> channel;
  Fd pin;      // the host's end of fd 4; readers only
  Fd service;  // a duplicate of the channel's socket, to close it for good
};

// What is to run, or why nothing is.
struct PluginPlan {
  // OK: it may run. PERMISSION_DENIED: it is not approved as it is. Another error: it is broken.
  absl::Status may_run = absl::OkStatus();
  // What the folder holds, as far as it could be read.
  std::shared_ptr<const PluginImage> image;
  plugin::v1::StartRequest settings;
  std::vector<std::string> granted;  // permissions
  Jail jail;
  std::string launcher;  // path of madoguchi-jail
};

// One plugin of the configuration: started, watched, started again when it dies, stopped cleanly.
// A thread of its own spawns it, takes its log and waits for its death. Thread-safe.
class PluginSlot {
 public:
  struct Patience {
    std::chrono::milliseconds start{5000};  // Hello and Start together
    std::chrono::milliseconds stop{1000};   // from the closed socket to SIGKILL
    Backoff::Limits backoff;
  };
  using Prepare = std::function<PluginPlan()>;
  // Of a life that begins, and of one that has ended.
  using Notice = std::function<void(const PluginLife&)>;
  using Up = std::function<void(const std::shared_ptr<const PluginLife>&)>;

  // Starts at once. `prepare`, `up` and `down` are called on the slot's thread; `up` and `down` in
  // turn. What `prepare` found runs until it is asked for again: a plugin that dies is started
  // again from the bytes that were approved, whatever lies in its folder now.
  PluginSlot(std::string name, Prepare prepare, Up up, Notice down, Patience patience);
  ~PluginSlot();
  PluginSlot(const PluginSlot&) = delete;
  PluginSlot& operator=(const PluginSlot&) = delete;

  const std::string& name() const { return name_; }
  // The running life, or nothing.
  std::shared_ptr<const PluginLife> life() const;
  bool IsPidOfThis(pid_t pid) const;
  // A row for the admin's list, with the last 20 lines of the log. Each text that comes from the
  // plugin is a PlainLine. Waits until the plugin was prepared for the first time.
  desk::v1::PluginRow Row() const;
  // What runs, or would; waits as Row does.
  PluginPlan plan() const;
  // Prepares anew, after an approval or its end: stops what runs, and starts what may.
  void Reload();
  // Stops what runs and starts the same again, at once and without its backoff.
  void Restart();
  // Asks for a clean stop; the destructor waits for it.
  void RequestStop();

 private:
  enum class Order { kNone, kRestart, kReload };

  void Supervise(std::stop_token stopping);
  // Spawns and greets; returns when the process has ended. Why it ended, for the list.
  std::string LiveOnce(const PluginPlan& plan, const std::stop_token& stopping);
  absl::Status AwaitGreeting(const PluginPlan& plan, const std::shared_ptr<grpc::Channel>& channel,
                             const Spawned& spawned);
  // Hello and Start, until `give_up`.
  absl::Status Greet(const PluginPlan& plan, const std::shared_ptr<grpc::Channel>& channel,
                     const std::stop_token& give_up);
  void Give(Order order);
  // The slot's thread has to do something else than what it does.
  bool IsCalled() const;
  // Until it is called, or `patience` is over; without patience for ever.
  void AwaitCall(std::optional<std::chrono::milliseconds> patience);
  void TakeLog(int fd);
  void EndLog(int fd);
  void EndLine();  // with the lock held
  std::string Bury(Spawned& spawned, bool wait);
  void SetState(desk::v1::PluginRow::State state, const std::string& detail, pid_t pid);

  static constexpr size_t kLogLines = 20;

  const std::string name_;
  const Prepare prepare_;
  const Up up_;
  const Notice down_;
  const Patience patience_;

  mutable std::mutex mutex_;
  mutable std::condition_variable planned_;
  std::optional<PluginPlan> plan_;
  Order order_ = Order::kNone;
  std::shared_ptr<const PluginLife> life_;
  desk::v1::PluginRow::State state_ = desk::v1::PluginRow::STATE_STARTING;
  std::string detail_;
  pid_t pid_ = -1;
  uint64_t generation_ = 0;
  std::deque<std::string> log_;
  std::string log_rest_;

  Fd call_;  // an eventfd: a stop or an order
  std::jthread supervisor_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_LOADER_PLUGIN_SLOT_H_
