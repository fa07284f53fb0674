#ifndef MADOGUCHI_HOST_LOADER_PLUGIN_SLOT_H_
#define MADOGUCHI_HOST_LOADER_PLUGIN_SLOT_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "host/loader/backoff.h"
#include "host/loader/plugin_life.h"
#include "host/loader/plugin_log.h"
#include "host/loader/plugin_run.h"
#include "madoguchi/desk/v1/desk.pb.h"

namespace madoguchi {

// One plugin of the configuration: started, watched, started again when it dies, replaced by a
// newer version of itself, stopped cleanly. A thread of its own spawns it, takes its log and waits
// for its death. Thread-safe.
class PluginSlot {
 public:
  struct Patience {
    PluginRun::Patience run;
    Backoff::Limits backoff;
    // How long a version that is replaced goes on for the checks that work with it: longer than a
    // check takes.
    std::chrono::milliseconds drain{900000};
    // How long one goes on for the checks that hold a card of it, when a device of it was plugged
    // in anew, for which it has to be started again.
    std::chrono::milliseconds move{120000};
  };
  using Prepare = std::function<PluginPlan()>;
  // Of a life that begins, and of one that has ended.
  using Notice = std::function<void(const PluginLife&)>;
  using Up = std::function<void(const std::shared_ptr<const PluginLife>&)>;

  // Starts at once. `prepare`, `up` and `down` are called on the slot's thread. What `prepare`
  // found runs until it is asked for again: a plugin that dies is started again from the bytes that
  // were approved, whatever lies in its folder now.
  PluginSlot(std::string name, Prepare prepare, Up up, Notice down, Patience patience);
  ~PluginSlot();
  PluginSlot(const PluginSlot&) = delete;
  PluginSlot& operator=(const PluginSlot&) = delete;

  const std::string& name() const { return name_; }
  // The running life, or nothing.
  std::shared_ptr<const PluginLife> life() const;
  bool IsPidOfThis(pid_t pid) const;
  Incidents& incidents() const { return *incidents_; }
  // A row for the admin's list, with the last 20 lines of the log. Each text that comes from the
  // plugin is a PlainLine. Waits until the plugin was prepared for the first time.
  desk::v1::PluginRow Row() const;
  // What runs or would, or is about to take over; waits as Row does.
  PluginPlan plan() const;
  // Prepares anew, after an approval or its end. Where nothing may run any more, what runs is
  // stopped at once. Where something runs and other bytes may, those take its place: of a policy or
  // an authority they start beside it and serve whoever comes in from then on, while the old
  // version goes on until its guests have left. Of a reader, whose device cannot be had twice, they
  // start when the old version's guests have left. What does not start, or may not run for another
  // reason than that nobody approved it, leaves the old version running.
  void Reload();
  // Stops what runs and starts the same again, at once and without its backoff; a reader's newer
  // version that waits for its turn has it then.
  void Restart();
  // Asks for a clean stop; the destructor waits for it.
  void RequestStop();

 private:
  enum class Order { kNone, kRestart, kReload };
  using Time = std::chrono::steady_clock::time_point;

  // All on the slot's thread.
  void Supervise(std::stop_token stopping);
  void Obey(Order order);
  // False when what runs goes on as it is.
  bool TakePlan();
  // Spawns and greets. Nothing when it did not get so far; `why` says why.
  std::unique_ptr<PluginRun> Raise(std::string* why);
  void Begin();
  // From now on `run` is what runs.
  void Serve(std::unique_ptr<PluginRun> run);
  void Replace();
  // Ends the reader that runs and begins its newer version, or the same again where that does not
  // start.
  void Exchange();
  void GoBackTo(const PluginPlan& before, const PluginPlan& refused);
  // Ends what runs, and how it ended.
  std::string End();
  void EndAll();
  // One that has ended by itself or does not answer.
  void Ended(const std::string& why);
  void LookAfterRunning(bool has_ended);
  void LookAfterLeaving();
  // Waits for whatever comes next, and takes the logs. True when what runs has ended.
  bool Await();
  // What was approved last cannot take over, because of `why`.
  void KeepRunning(const PluginPlan& refused, const std::string& why);
  // The slot's thread has to do something else than what it does.
  bool IsCalled() const;
  Order TakeOrder();

  void Give(Order order);
  std::string Bury(PluginRun& run, bool wait);
  void SetState(desk::v1::PluginRow::State state, const std::string& detail);

  const std::string name_;
  const Prepare prepare_;
  const Up up_;
  const Notice down_;
  const Patience patience_;
  PluginLog log_;
  const std::shared_ptr<Incidents> incidents_ = std::make_shared<Incidents>();

  // The slot's thread alone.
  Backoff backoff_;
  std::unique_ptr<PluginRun> running_;
  struct Leaving {
    std::unique_ptr<PluginRun> run;
    Time until;
  };
  std::vector<Leaving> leaving_;
  // A reader's new version waits until then, or until its guests have left.
  std::optional<Time> replace_by_;
  std::optional<Time> begin_at_;
  // What its jail was built around is another: it is started again then, or when its guests have
  // left.
  std::optional<Time> move_by_;
  Time born_;
  std::string trouble_;  // of a new version that did not start

  mutable std::mutex mutex_;
  mutable std::condition_variable planned_;
  std::optional<PluginPlan> plan_;
  // Of what runs, which may be the version before plan_.
  std::optional<PluginPlan> runs_;
  bool replacing_ = false;
  std::string failed_digest_;  // of a new version that did not start
  Order order_ = Order::kNone;
  std::shared_ptr<const PluginLife> life_;
  desk::v1::PluginRow::State state_ = desk::v1::PluginRow::STATE_STARTING;
  std::string detail_;
  pid_t pid_ = -1;
  uint64_t generation_ = 0;

  // Of all its processes, from before they can do anything until a while after their end: what they
  // sent last may still lie there. Held during a spawn.
  mutable std::mutex pids_mutex_;
  std::map<pid_t, std::optional<Time>> pids_;  // since when it has been over

  Fd call_;  // an eventfd: a stop or an order
  std::jthread supervisor_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_LOADER_PLUGIN_SLOT_H_
