#ifndef MADOGUCHI_HOST_LOADER_PLUGIN_SLOT_H_
#define MADOGUCHI_HOST_LOADER_PLUGIN_SLOT_H_

#include <grpcpp/channel.h>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "host/loader/manifest.h"
#include "host/loader/process.h"
#include "madoguchi/desk/v1/desk.pb.h"
#include "madoguchi/plugin/v1/plugin.pb.h"

namespace madoguchi {

// One life of a plugin: the process that was started for the generation-th time, up to its death.
// Whoever holds it may call; after the death every call fails with UNAVAILABLE at once.
struct PluginLife {
  uint64_t generation = 0;
  pid_t pid = -1;
  std::shared_ptr<grpc::Channel> channel;
  Fd pin;      // the host's end of fd 4; readers only
  Fd service;  // a duplicate of the channel's socket, to close it for good
};

// In what `said` differs from `manifest` or from the contract, with both values; empty when it does
// not.
std::string DifferenceFrom(const plugin::v1::Manifest& manifest,
                           const plugin::v1::HelloReply& said);

// One plugin of the configuration: started, watched, started again when it dies, stopped cleanly.
// A thread of its own spawns it, takes its log and waits for its death. Thread-safe.
class PluginSlot {
 public:
  struct Patience {
    std::chrono::milliseconds start{5000};  // Hello and Start together
    std::chrono::milliseconds stop{1000};   // from the closed socket to SIGKILL
    std::chrono::milliseconds first_backoff{1000};
    std::chrono::milliseconds longest_backoff{60000};
  };
  using Up = std::function<void(const std::shared_ptr<const PluginLife>&)>;
  using Down = std::function<void()>;

  // Starts at once. `up` and `down` are called on the slot's thread, in turn.
  PluginSlot(PluginFolder folder, plugin::v1::StartRequest settings, Up up, Down down,
             Patience patience);
  // A plugin that cannot be started at all; it is listed with the reason.
  PluginSlot(std::string name, const std::string& why_refused);
  ~PluginSlot();
  PluginSlot(const PluginSlot&) = delete;
  PluginSlot& operator=(const PluginSlot&) = delete;

  const std::string& name() const { return name_; }
  plugin::v1::Kind kind() const { return folder_.manifest.kind(); }
  // The running life, or nothing.
  std::shared_ptr<const PluginLife> life() const;
  bool IsPidOfThis(pid_t pid) const;
  // A row for the admin's list, with the last 20 lines of the log. Each text that comes from the
  // plugin is a PlainLine.
  desk::v1::PluginRow Row() const;
  // Asks for a clean stop; the destructor waits for it.
  void RequestStop();

 private:
  void Supervise(std::stop_token stopping);
  // Spawns and greets; returns when the process has ended. Why it ended, for the list.
  std::string LiveOnce(const std::stop_token& stopping);
  absl::Status AwaitGreeting(const std::shared_ptr<grpc::Channel>& channel, const Spawned& spawned);
  // Hello and Start, until `give_up`.
  absl::Status Greet(const std::shared_ptr<grpc::Channel>& channel, const std::stop_token& give_up);
  void TakeLog(int fd);
  void EndLog(int fd);
  void EndLine();  // with the lock held
  std::string Bury(Spawned& spawned, bool wait);
  void SetState(desk::v1::PluginRow::State state, const std::string& detail, pid_t pid);

  static constexpr size_t kLogLines = 20;

  const std::string name_;
  const PluginFolder folder_;
  const plugin::v1::StartRequest settings_;
  const Up up_;
  const Down down_;
  const Patience patience_;

  mutable std::mutex mutex_;
  std::shared_ptr<const PluginLife> life_;
  desk::v1::PluginRow::State state_ = desk::v1::PluginRow::STATE_STARTING;
  std::string detail_;
  pid_t pid_ = -1;
  uint64_t generation_ = 0;
  std::deque<std::string> log_;
  std::string log_rest_;

  Fd stop_event_;
  std::jthread supervisor_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_LOADER_PLUGIN_SLOT_H_
