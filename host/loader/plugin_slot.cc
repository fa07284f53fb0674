#include "host/loader/plugin_slot.h"

#include <fcntl.h>
#include <grpcpp/create_channel_posix.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "madoguchi/plugin/v1/plugin.grpc.pb.h"
#include "sdk/failure/grpc_status.h"
#include "sdk/failure/plain_line.h"

namespace madoguchi {
namespace {

using desk::v1::PluginRow;
using std::chrono::milliseconds;

// The most bytes of one message from a plugin. Three of the longest R-APDUs fit (reader.proto says
// so); and what goes on to the screens stays far below the 4 MiB that a screen's gRPC takes.
constexpr int kLargestAnswer = 256 * 1024;
constexpr int kLookAroundMs = 1000;
// What is kept of a line of the log: enough for PlainLine to cut it between two characters.
constexpr size_t kKeptOfLine = kLongestLine + 4;

// True when `fd` became readable within `timeout`; false on time-out.
bool AwaitReadable(int fd, milliseconds timeout) {
  pollfd watched{fd, POLLIN, 0};
  return poll(&watched, 1, static_cast<int>(timeout.count())) > 0;
}

std::string HowItEnded(const siginfo_t& facts) {
  if (facts.si_code == CLD_EXITED && facts.si_status == kRefusedByJail) {
    return "its jail could not be built; the log's last line says why";
  }
  if (facts.si_code == CLD_EXITED) return "ended with status " + std::to_string(facts.si_status);
  return std::string("killed by ") + strsignal(facts.si_status);
}

}  // namespace

PluginSlot::PluginSlot(std::string name, Prepare prepare, Up up, Notice down, Patience patience)
    : name_(std::move(name)),
      prepare_(std::move(prepare)),
      up_(std::move(up)),
      down_(std::move(down)),
      patience_(patience),
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
  if (order == Order::kReload && plan_ && !plan_->may_run.ok()) {
    state_ = PluginRow::STATE_STARTING;
    detail_.clear();
  }
  eventfd_write(call_.get(), 1);
}

bool PluginSlot::IsCalled() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return order_ != Order::kNone;
}

void PluginSlot::AwaitCall(std::optional<milliseconds> patience) {
  pollfd watched{call_.get(), POLLIN, 0};
  poll(&watched, 1, patience ? static_cast<int>(patience->count()) : -1);
}

std::shared_ptr<const PluginLife> PluginSlot::life() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return life_;
}

bool PluginSlot::IsPidOfThis(pid_t pid) const {
  std::lock_guard<std::mutex> lock(mutex_);
  return pid_ > 0 && pid_ == pid;
}

PluginRow PluginSlot::Row() const {
  PluginRow row;
  row.set_name(name_);
  std::unique_lock<std::mutex> lock(mutex_);
  planned_.wait(lock, [&] { return plan_.has_value(); });
  if (plan_->image != nullptr) {
    const plugin::v1::Manifest& manifest = plan_->image->folder.manifest;
    row.set_kind(manifest.kind());
    // protobuf's text may hold any bytes.
    row.set_version(PlainLine(manifest.version()));
    row.set_maker(PlainLine(manifest.maker()));
    row.set_digest(plan_->image->digest);
    for (const std::string& permission : manifest.permission()) {
      row.add_asked(PlainLine(permission));
    }
  }
  for (const std::string& permission : plan_->granted) row.add_granted(permission);
  row.set_state(state_);
  row.set_detail(detail_);
  row.set_pid(pid_);
  row.set_restarts(generation_ > 0 ? generation_ - 1 : 0);
  for (const std::string& line : log_) row.add_log(line);
  return row;
}

PluginPlan PluginSlot::plan() const {
  std::unique_lock<std::mutex> lock(mutex_);
  planned_.wait(lock, [&] { return plan_.has_value(); });
  return *plan_;
}

void PluginSlot::Supervise(std::stop_token stopping) {
  std::minstd_rand random(std::random_device{}());
  Backoff backoff(patience_.backoff,
                  [&] { return std::uniform_real_distribution<double>()(random); });
  PluginPlan plan;
  Order order = Order::kReload;
  while (!stopping.stop_requested()) {
    if (order != Order::kNone) backoff.Forget();
    if (order == Order::kReload || !plan.may_run.ok()) {
      plan = prepare_();
      if (!plan.may_run.ok()) {
        SetState(absl::IsPermissionDenied(plan.may_run) ? PluginRow::STATE_UNAPPROVED
                                                        : PluginRow::STATE_REFUSED,
                 std::string(plan.may_run.message()), -1);
      }
      std::lock_guard<std::mutex> lock(mutex_);
      plan_ = plan;
      planned_.notify_all();
    }
    std::optional<milliseconds> patience;
    if (plan.may_run.ok()) {
      const auto born = std::chrono::steady_clock::now();
      const std::string why = LiveOnce(plan, stopping);
      // One that was told to end waits for nothing.
      if (IsCalled()) {
        SetState(PluginRow::STATE_STARTING, "", -1);
      } else {
        patience = backoff.Ended(born, std::chrono::steady_clock::now());
        SetState(backoff.quarantined() ? PluginRow::STATE_QUARANTINED : PluginRow::STATE_WAITING,
                 why, -1);
      }
    }
    if (!stopping.stop_requested()) AwaitCall(patience);
    std::lock_guard<std::mutex> lock(mutex_);
    order = std::exchange(order_, Order::kNone);
    eventfd_t calls;
    if (!stopping.stop_requested()) eventfd_read(call_.get(), &calls);
  }
}

std::string PluginSlot::LiveOnce(const PluginPlan& plan, const std::stop_token& stopping) {
  const plugin::v1::Kind kind = plan.image->folder.manifest.kind();
  const auto launch = LauncherArguments(plan.launcher, plan.jail, kProgramFd, getpid());
  const std::string surroundings = Surroundings(plan.jail);
  auto spawned = Spawn(launch, plan.image->program.get(), plan.jail.pin_lane);
  if (!spawned.ok()) return std::string(spawned.status().message());
  auto life = std::make_shared<PluginLife>();
  life->kind = kind;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    life->generation = ++generation_;
  }
  SetState(PluginRow::STATE_STARTING, "", spawned->pid);
  life->pid = spawned->pid;
  life->pin = std::move(spawned->pin);
  life->service = Fd(fcntl(spawned->service.get(), F_DUPFD_CLOEXEC, 10));
  // gRPC takes the descriptor over.
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kLargestAnswer);
  life->channel =
      grpc::CreateCustomInsecureChannelFromFd(name_, spawned->service.Release(), arguments);
  const absl::Status greeted = AwaitGreeting(plan, life->channel, *spawned);
  if (!greeted.ok()) {
    shutdown(life->service.get(), SHUT_RDWR);
    const std::string ended = Bury(*spawned, /*wait=*/false);
    EndLog(spawned->log.get());
    return std::string(greeted.message()) + " (" + ended + ")";
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    life_ = life;
  }
  SetState(PluginRow::STATE_RUNNING, "", spawned->pid);
  up_(life);

  pollfd watched[] = {{spawned->log.get(), POLLIN, 0},
                      {spawned->pid_fd.get(), POLLIN, 0},
                      {call_.get(), POLLIN, 0}};
  bool moved = false;
  while (!stopping.stop_requested() && !IsCalled() && !moved) {
    if (poll(watched, 3, kLookAroundMs) < 0) continue;
    // The jail holds files, not names: pcscd's folder may be a new one since, a device plugged in
    // again another.
    moved = Surroundings(plan.jail) != surroundings;
    if ((watched[0].revents & POLLIN) != 0) TakeLog(spawned->log.get());
    // A plugin that closed its log is not to be asked for ever.
    if ((watched[0].revents & (POLLHUP | POLLERR)) != 0) watched[0].fd = -1;
    if (watched[1].revents != 0) break;
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    life_ = nullptr;
  }
  shutdown(life->service.get(), SHUT_RDWR);
  down_(*life);
  const std::string ended = Bury(*spawned, /*wait=*/true);
  EndLog(spawned->log.get());
  if (moved) Restart();
  return ended;
}

// Greets beside this thread, which meanwhile takes the log (a plugin that writes much before its
// Hello must not block in it) and gives up at once when the process ends or is to stop.
absl::Status PluginSlot::AwaitGreeting(const PluginPlan& plan,
                                       const std::shared_ptr<grpc::Channel>& channel,
                                       const Spawned& spawned) {
  const Fd done(eventfd(0, EFD_CLOEXEC));
  absl::Status greeted;
  bool ended = false;
  {
    std::stop_source give_up;
    const std::jthread greeting([&] {
      greeted = Greet(plan, channel, give_up.get_token());
      const uint64_t one = 1;
      (void)!write(done.get(), &one, sizeof(one));
    });
    pollfd watched[] = {{spawned.log.get(), POLLIN, 0},
                        {spawned.pid_fd.get(), POLLIN, 0},
                        {call_.get(), POLLIN, 0},
                        {done.get(), POLLIN, 0}};
    while ((watched[3].revents & POLLIN) == 0) {
      if (poll(watched, 4, -1) < 0) continue;
      if ((watched[0].revents & POLLIN) != 0) TakeLog(spawned.log.get());
      if ((watched[0].revents & (POLLHUP | POLLERR)) != 0) watched[0].fd = -1;
      if ((watched[1].revents | watched[2].revents) == 0) continue;
      ended = ended || watched[1].revents != 0;
      give_up.request_stop();
      watched[1].fd = watched[2].fd = -1;
    }
  }
  if (!greeted.ok() && ended) return absl::UnavailableError("it ended before it was ready");
  return greeted;
}

absl::Status PluginSlot::Greet(const PluginPlan& plan,
                               const std::shared_ptr<grpc::Channel>& channel,
                               const std::stop_token& give_up) {
  const auto stub = plugin::v1::Plugin::NewStub(channel);
  const auto deadline = std::chrono::system_clock::now() + patience_.start;
  plugin::v1::HelloRequest hello;
  hello.add_host_version(kContractVersion);
  plugin::v1::HelloReply said;
  {
    grpc::ClientContext context;
    context.set_deadline(deadline);
    const std::stop_callback cancel(give_up, [&context] { context.TryCancel(); });
    const absl::Status status = FromGrpc(stub->Hello(&context, hello, &said));
    if (!status.ok()) {
      return absl::UnavailableError("no Hello: " + std::string(status.message()));
    }
  }
  if (const std::string difference = DifferenceFrom(plan.image->folder.manifest, said);
      !difference.empty()) {
    return absl::FailedPreconditionError(difference);
  }
  grpc::ClientContext context;
  context.set_deadline(deadline);
  const std::stop_callback cancel(give_up, [&context] { context.TryCancel(); });
  plugin::v1::StartReply started;
  const absl::Status status = FromGrpc(stub->Start(&context, plan.settings, &started));
  if (!status.ok()) return absl::UnavailableError("no Start: " + std::string(status.message()));
  return absl::OkStatus();
}

// Waits for the end of the process, which its closed socket asks for, and takes its status.
std::string PluginSlot::Bury(Spawned& spawned, bool wait) {
  const milliseconds patience = wait ? patience_.stop : milliseconds(0);
  const bool by_itself = AwaitReadable(spawned.pid_fd.get(), patience);
  // Its whole group: what it left behind would hold its log, and a reader. The group's number is
  // not given away as long as nobody took the leader's status.
  kill(-spawned.pid, SIGKILL);
  siginfo_t facts{};
  while (waitid(P_PID, spawned.pid, &facts, WEXITED) != 0 && errno == EINTR) {
  }
  if (!by_itself && facts.si_code != CLD_EXITED && facts.si_status == SIGKILL) {
    return "killed, because it did not end by itself";
  }
  return HowItEnded(facts);
}

// What is left in the pipe of a process that has ended, and its last line without an end.
void PluginSlot::EndLog(int fd) {
  TakeLog(fd);
  std::lock_guard<std::mutex> lock(mutex_);
  if (!log_rest_.empty()) EndLine();
}

void PluginSlot::EndLine() {
  log_.push_back(PlainLine(log_rest_));
  log_rest_.clear();
  if (log_.size() > kLogLines) log_.pop_front();
}

void PluginSlot::TakeLog(int fd) {
  char part[4096];
  // Bounded, so that a plugin that writes without end does not keep its supervisor here.
  for (int turn = 0; turn < 16; ++turn) {
    const ssize_t size = read(fd, part, sizeof(part));
    if (size <= 0) return;
    std::lock_guard<std::mutex> lock(mutex_);
    for (const char c : std::string_view(part, static_cast<size_t>(size))) {
      if (c != '\n') {
        if (log_rest_.size() < kKeptOfLine) log_rest_ += c;
        continue;
      }
      EndLine();
    }
  }
}

void PluginSlot::SetState(PluginRow::State state, const std::string& detail, pid_t pid) {
  std::lock_guard<std::mutex> lock(mutex_);
  state_ = state;
  detail_ = PlainLine(detail);
  pid_ = pid;
}

}  // namespace madoguchi
