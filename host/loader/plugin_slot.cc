#include "host/loader/plugin_slot.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <random>

#include "sdk/failure/plain_line.h"

namespace madoguchi {
namespace {

using desk::v1::PluginRow;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How often the surroundings and the health are looked at, and whether guests have left.
constexpr milliseconds kLookAround(1000);
constexpr milliseconds kLookAtGuests(50);

// A connection that waits at the host's door is welcomed long before.
constexpr std::chrono::seconds kKnownAfterEnd(10);

Backoff NewBackoff(const Backoff::Limits& limits) {
  return Backoff(limits, [random = std::minstd_rand(std::random_device{}())]() mutable {
    return std::uniform_real_distribution<double>()(random);
  });
}

bool IsReader(const PluginRun& run) { return run.life()->kind == plugin::v1::KIND_READER; }

std::string VersionOf(const PluginPlan& plan) { return plan.image->folder.manifest.version(); }

}  // namespace

PluginSlot::PluginSlot(std::string name, Prepare prepare, Up up, Notice down, Patience patience)
    : name_(std::move(name)),
      prepare_(std::move(prepare)),
      up_(std::move(up)),
      down_(std::move(down)),
      patience_(patience),
      backoff_(NewBackoff(patience.backoff)),
      call_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      supervisor_([this](std::stop_token stopping) { Supervise(std::move(stopping)); }) {}

PluginSlot::~PluginSlot() { RequestStop(); }

void PluginSlot::RequestStop() {
  supervisor_.request_stop();
  Give(Order::kNone);
}

void PluginSlot::Reload() { Give(Order::kReload); }

void PluginSlot::Restart() { Give(Order::kRestart); }

void PluginSlot::Give(Order order) {
  // Together: whoever takes the order takes the call.
  std::lock_guard<std::mutex> lock(mutex_);
  order_ = std::max(order_, order);
  // What was the matter until now is not the answer to the order.
  if (order == Order::kReload) failed_digest_.clear();
  const bool waits = state_ == PluginRow::STATE_WAITING || state_ == PluginRow::STATE_QUARANTINED;
  if (life_ == nullptr && plan_ &&
      (order == Order::kReload || (order == Order::kRestart && waits))) {
    state_ = PluginRow::STATE_STARTING;
    detail_.clear();
  }
  eventfd_write(call_.get(), 1);
}

bool PluginSlot::IsCalled() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return order_ != Order::kNone;
}

PluginSlot::Order PluginSlot::TakeOrder() {
  std::lock_guard<std::mutex> lock(mutex_);
  eventfd_t calls;
  eventfd_read(call_.get(), &calls);
  return std::exchange(order_, Order::kNone);
}

std::shared_ptr<const PluginLife> PluginSlot::life() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return life_;
}

bool PluginSlot::IsPidOfThis(pid_t pid) const {
  std::lock_guard<std::mutex> lock(pids_mutex_);
  return pids_.count(pid) > 0;
}

PluginRow PluginSlot::Row() const {
  PluginRow row;
  row.set_name(name_);
  std::unique_lock<std::mutex> lock(mutex_);
  planned_.wait(lock, [&] { return plan_.has_value(); });
  const PluginPlan& plan = runs_ ? *runs_ : *plan_;
  if (plan.image != nullptr) {
    const plugin::v1::Manifest& manifest = plan.image->folder.manifest;
    row.set_kind(manifest.kind());
    // protobuf's text may hold any bytes.
    row.set_version(PlainLine(manifest.version()));
    row.set_maker(PlainLine(manifest.maker()));
    row.set_digest(plan.image->digest);
    for (const std::string& permission : manifest.permission()) {
      row.add_asked(PlainLine(permission));
    }
  }
  for (const std::string& permission : plan.granted) row.add_granted(permission);
  if (replacing_) row.set_next_digest(plan_->image->digest);
  row.set_failed_digest(failed_digest_);
  row.set_state(state_);
  row.set_changed(state_ == PluginRow::STATE_UNAPPROVED && plan_->changed);
  row.set_detail(detail_);
  row.set_pid(pid_);
  row.set_restarts(generation_ > 0 ? generation_ - 1 : 0);
  for (const std::string& line : log_.lines()) row.add_log(line);
  for (auto& incident : incidents_->list()) *row.add_incident() = std::move(incident);
  return row;
}

PluginPlan PluginSlot::plan() const {
  std::unique_lock<std::mutex> lock(mutex_);
  planned_.wait(lock, [&] { return plan_.has_value(); });
  return *plan_;
}

void PluginSlot::Supervise(std::stop_token stopping) {
  Order order = Order::kReload;
  while (true) {
    Obey(order);
    if (begin_at_ && steady_clock::now() >= *begin_at_) Begin();
    if (stopping.stop_requested()) break;
    const bool has_ended = Await();
    if (stopping.stop_requested()) break;
    LookAfterRunning(has_ended);
    LookAfterLeaving();
    order = TakeOrder();
    // A stop may have come with the call that was just taken.
    if (stopping.stop_requested()) break;
  }
  EndAll();
}

void PluginSlot::Obey(Order order) {
  if (order == Order::kNone) return;
  backoff_.Forget();
  if ((order == Order::kReload || !plan_->may_run.ok()) && !TakePlan()) return;
  if (!plan_->may_run.ok()) {
    begin_at_.reset();
    return;
  }
  if (order == Order::kReload && running_ != nullptr) return Replace();
  EndAll();
  begin_at_ = steady_clock::now();
}

bool PluginSlot::TakePlan() {
  PluginPlan plan = prepare_();
  if (!plan.may_run.ok() && !absl::IsPermissionDenied(plan.may_run) && running_ != nullptr) {
    KeepRunning(plan, std::string(plan.may_run.message()));
    return false;
  }
  if (!plan.may_run.ok()) EndAll();
  std::lock_guard<std::mutex> lock(mutex_);
  if (!plan.may_run.ok()) {
    state_ = absl::IsPermissionDenied(plan.may_run) ? PluginRow::STATE_UNAPPROVED
                                                    : PluginRow::STATE_REFUSED;
    detail_ = PlainLine(std::string(plan.may_run.message()));
  }
  plan_ = std::move(plan);
  planned_.notify_all();
  return true;
}

void PluginSlot::KeepRunning(const PluginPlan& refused, const std::string& why) {
  GoBackTo(running_->plan(), refused);
  trouble_ = "the version that was approved last does not start: " + why + "; version " +
             VersionOf(*plan_) + " goes on";
}

// Should it die, it is what is started again.
void PluginSlot::GoBackTo(const PluginPlan& before, const PluginPlan& refused) {
  std::lock_guard<std::mutex> lock(mutex_);
  plan_ = before;
  if (refused.image != nullptr) failed_digest_ = refused.image->digest;
}

std::unique_ptr<PluginRun> PluginSlot::Raise(std::string* why) {
  auto run = std::make_unique<PluginRun>(*plan_, patience_.run, &log_);
  uint64_t generation = 0;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    generation = ++generation_;
  }
  absl::Status begun = run->StartBus();
  if (begun.ok()) {
    std::lock_guard<std::mutex> lock(pids_mutex_);
    begun = run->Spawn(generation, incidents_);
    if (begun.ok()) pids_[run->life()->pid] = std::nullopt;
  }
  if (!begun.ok()) {
    *why = std::string(begun.message());
    return nullptr;
  }
  if (running_ == nullptr) {
    std::lock_guard<std::mutex> lock(mutex_);
    pid_ = run->life()->pid;
  }
  if (const absl::Status greeted = run->Greet(call_.get(), running_.get()); !greeted.ok()) {
    *why = std::string(greeted.message()) + " (" + Bury(*run, /*wait=*/false) + ")";
    return nullptr;
  }
  return run;
}

void PluginSlot::Begin() {
  begin_at_.reset();
  SetState(PluginRow::STATE_STARTING, "");
  born_ = steady_clock::now();
  std::string why;
  auto run = Raise(&why);
  if (run == nullptr) return Ended(why);
  Serve(std::move(run));
}

void PluginSlot::Serve(std::unique_ptr<PluginRun> run) {
  running_ = std::move(run);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    life_ = running_->life();
    runs_ = running_->plan();
  }
  SetState(PluginRow::STATE_RUNNING, "");
  up_(running_->life());
}

void PluginSlot::Replace() {
  trouble_.clear();
  if (IsReader(*running_)) {
    replace_by_ = steady_clock::now() + patience_.drain;
    std::lock_guard<std::mutex> lock(mutex_);
    replacing_ = true;
    return;
  }
  std::string why;
  auto next = Raise(&why);
  if (next == nullptr) {
    const PluginPlan refused = *plan_;
    return KeepRunning(refused, why);
  }
  leaving_.push_back({std::move(running_), steady_clock::now() + patience_.drain});
  born_ = steady_clock::now();
  Serve(std::move(next));
}

void PluginSlot::Exchange() {
  const PluginPlan before = running_->plan(), next = *plan_;
  End();
  Begin();
  // Told to do something else, or well.
  if (running_ != nullptr || IsCalled()) return;
  std::string why;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    why = detail_;
  }
  GoBackTo(before, next);
  Begin();
  if (running_ != nullptr) KeepRunning(next, why);
}

std::string PluginSlot::End() {
  if (running_ == nullptr) return "";
  {
    std::lock_guard<std::mutex> lock(mutex_);
    life_ = nullptr;
    runs_.reset();
    replacing_ = false;
    state_ = PluginRow::STATE_STARTING;
    detail_.clear();
  }
  const auto run = std::exchange(running_, nullptr);
  run->life()->over = true;
  down_(*run->life());
  replace_by_.reset();
  move_by_.reset();
  trouble_.clear();
  return Bury(*run, /*wait=*/true);
}

void PluginSlot::EndAll() {
  End();
  for (const Leaving& one : leaving_) Bury(*one.run, /*wait=*/true);
  leaving_.clear();
}

void PluginSlot::Ended(const std::string& why) {
  // One that was told to end waits for nothing.
  if (IsCalled()) return SetState(PluginRow::STATE_STARTING, "");
  incidents_->Add(why);
  begin_at_ = steady_clock::now() + backoff_.Ended(born_, steady_clock::now());
  SetState(backoff_.quarantined() ? PluginRow::STATE_QUARANTINED : PluginRow::STATE_WAITING, why);
}

void PluginSlot::LookAfterRunning(bool has_ended) {
  if (running_ == nullptr) return;
  if (has_ended) return Ended(End());
  running_->LookAtConsumption();
  running_->pulse().Beat(steady_clock::now());
  if (running_->pulse().IsStill()) {
    End();
    const Pulse::Limits& limits = patience_.run.pulse;
    return Ended("killed, because it did not answer Health " + std::to_string(limits.silences) +
                 " times, for " + std::to_string(limits.answer.count()) + " ms each");
  }
  if (running_->HasLostBus()) {
    End();
    return Ended("killed, because the D-Bus proxy that it needs ended");
  }
  // The jail holds files, not names: pcscd's folder may be a new one since, a device plugged in
  // again another.
  if (!running_->HasMoved()) {
    move_by_.reset();
  } else if (!move_by_) {
    // A reader may have other devices; an authority whose server is away serves nobody.
    move_by_ = steady_clock::now() + (IsReader(*running_) ? patience_.move : milliseconds(0));
  }
  if (move_by_ && (running_->life()->guests->CloseIfEmpty() || steady_clock::now() >= *move_by_)) {
    End();
    begin_at_ = steady_clock::now();
    return;
  }
  if (replace_by_ &&
      (running_->life()->guests->CloseIfEmpty() || steady_clock::now() >= *replace_by_)) {
    return Exchange();
  }
  std::string detail = replace_by_ ? "the version that was approved last takes over when the "
                                     "checks under way have ended"
                                   : trouble_;
  if (const std::string ailment = running_->pulse().ailment(); !ailment.empty()) {
    detail += (detail.empty() ? "" : "; ") + std::string("it says: ") + ailment;
  }
  SetState(PluginRow::STATE_RUNNING, detail);
}

void PluginSlot::LookAfterLeaving() {
  const auto has_left = [&](const Leaving& one) {
    pollfd watched[] = {{one.run->pid_fd(), POLLIN, 0},
                        {one.run->life()->service.get(), POLLRDHUP, 0}};
    const bool by_itself = poll(watched, 2, 0) > 0;
    if (!by_itself && !one.run->life()->guests->CloseIfEmpty() && steady_clock::now() < one.until) {
      return false;
    }
    const std::string how = Bury(*one.run, /*wait=*/true);
    if (by_itself) incidents_->Add(how);
    return true;
  };
  leaving_.erase(std::remove_if(leaving_.begin(), leaving_.end(), has_left), leaving_.end());
}

bool PluginSlot::Await() {
  std::vector<pollfd> watched = {{call_.get(), POLLIN, 0}};
  std::vector<PluginRun*> runs;
  if (running_ != nullptr) runs.push_back(running_.get());
  for (const Leaving& one : leaving_) runs.push_back(one.run.get());
  for (const PluginRun* run : runs) {
    watched.push_back({run->log_fd(), POLLIN, 0});
    watched.push_back({run->pid_fd(), POLLIN, 0});
    // One that closed its socket answers no more, whether or not it lives on.
    watched.push_back({run->life()->service.get(), POLLRDHUP, 0});
  }
  // For ever, where nothing runs and nothing is to.
  milliseconds patience(-1);
  if (begin_at_) {
    const auto wait = std::chrono::ceil<milliseconds>(*begin_at_ - steady_clock::now());
    patience = std::max(wait, milliseconds(0));
  } else if (running_ != nullptr) {
    patience = std::min(kLookAround, patience_.run.pulse.period);
  }
  if (replace_by_ || move_by_ || !leaving_.empty()) patience = kLookAtGuests;
  if (poll(watched.data(), watched.size(), static_cast<int>(patience.count())) <= 0) return false;
  for (size_t i = 0; i < runs.size(); ++i) {
    const short log = watched[1 + 3 * i].revents;
    if ((log & POLLIN) != 0) runs[i]->TakeLog();
    if ((log & (POLLHUP | POLLERR)) != 0) runs[i]->LoseLog();
  }
  return running_ != nullptr && (watched[2].revents | watched[3].revents) != 0;
}

std::string PluginSlot::Bury(PluginRun& run, bool wait) {
  const std::string how = run.Bury(wait);
  const pid_t pid = run.life()->pid;
  const Time now = steady_clock::now();
  {
    std::lock_guard<std::mutex> lock(pids_mutex_);
    std::erase_if(pids_, [&](const auto& one) {
      return one.second.has_value() && now - *one.second > kKnownAfterEnd;
    });
    pids_[pid] = now;
  }
  std::lock_guard<std::mutex> lock(mutex_);
  if (pid_ == pid) pid_ = -1;
  return how;
}

void PluginSlot::SetState(PluginRow::State state, const std::string& detail) {
  std::lock_guard<std::mutex> lock(mutex_);
  state_ = state;
  detail_ = PlainLine(detail);
  if (running_ != nullptr) pid_ = running_->life()->pid;
}

}  // namespace madoguchi
