#ifndef MADOGUCHI_HOST_LOADER_PLUGIN_RUN_H_
#define MADOGUCHI_HOST_LOADER_PLUGIN_RUN_H_

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "host/loader/consumption.h"
#include "host/loader/plugin_life.h"
#include "host/loader/plugin_log.h"
#include "host/loader/pulse.h"
#include "madoguchi/plugin/v1/plugin.pb.h"
#include "sdk/launch/bus_proxy.h"
#include "sdk/launch/control_groups.h"
#include "sdk/launch/denied_calls.h"
#include "sdk/launch/image.h"
#include "sdk/launch/jail/jail.h"

namespace madoguchi {

// What is to run, or why nothing is.
struct PluginPlan {
  // OK: it may run. PERMISSION_DENIED: it is not approved as it is. Another error: it is broken.
  absl::Status may_run = absl::OkStatus();
  bool changed = false;  // it was approved, and its files have changed since
  // What the folder holds, as far as it could be read.
  std::shared_ptr<const PluginImage> image;
  plugin::v1::StartRequest settings;
  std::vector<std::string> granted;  // permissions
  Jail jail;
  std::string bus;                              // the socket of its own D-Bus; empty: it has none
  std::string launcher;                         // path of madoguchi-jail
  std::shared_ptr<const ControlGroups> groups;  // null where the host has none
};

// One process of a plugin, from its spawn to its burial. Used by the one thread that made it, on
// whose end the process dies.
class PluginRun {
 public:
  struct Patience {
    std::chrono::milliseconds start{5000};  // Hello and Start together
    std::chrono::milliseconds stop{1000};   // from the closed socket to SIGKILL
    Pulse::Limits pulse;
  };

  // `log` outlives this object.
  PluginRun(PluginPlan plan, const Patience& patience, PluginLog* log);
  // The process has been buried by then, or was never spawned.
  ~PluginRun();

  // The D-Bus of its own, where the plan has one; to be called before Spawn.
  absl::Status StartBus();
  absl::Status Spawn(uint64_t generation, const std::shared_ptr<Incidents>& incidents);
  // Hello and Start; meanwhile the log is taken (a plugin that writes much before its Hello must
  // not block in it), and that of `beside`, if any: another run of this plugin. Gives up at once
  // when the process ends or `call_fd` becomes readable. After an error it is to be buried.
  absl::Status Greet(int call_fd, PluginRun* beside);

  const PluginPlan& plan() const { return plan_; }
  const std::shared_ptr<PluginLife>& life() const { return life_; }
  // -1 while nothing is to be taken from it.
  int log_fd() const;
  // Readable when the process has ended.
  int pid_fd() const { return spawned_.pid_fd.get(); }
  Pulse& pulse() { return *pulse_; }

  void TakeLog();
  // Tells the incidents of what it takes too much of.
  void LookAtConsumption();
  // A plugin that closed its log is not to be asked for ever.
  void LoseLog() { log_open_ = false; }
  // What its jail was built around is another by now (jail.h: HaveMoved).
  bool HasMoved() const;
  bool HasLostBus() const { return bus_ != nullptr && bus_->HasEnded(); }
  // Closes the socket, waits for the end that this asks for, or with `wait` false does not, and
  // takes its status. How it ended, for the list.
  std::string Bury(bool wait);

 private:
  absl::Status GreetUntil(const std::stop_token& give_up);

  const PluginPlan plan_;
  const Patience patience_;
  PluginLog* const log_;
  std::string surroundings_;
  Spawned spawned_;
  bool log_open_ = true;
  std::shared_ptr<PluginLife> life_;
  std::unique_ptr<Pulse> pulse_;
  std::unique_ptr<Consumption> consumption_;
  std::unique_ptr<ControlGroup> group_;
  std::unique_ptr<DeniedCalls> denied_;
  std::unique_ptr<BusProxy> bus_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_LOADER_PLUGIN_RUN_H_
