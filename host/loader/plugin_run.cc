#include "host/loader/plugin_run.h"

#include <fcntl.h>
#include <grpcpp/create_channel_posix.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "madoguchi/plugin/v1/plugin.grpc.pb.h"
#include "sdk/failure/grpc_status.h"
#include "sdk/launch/launch.h"

namespace madoguchi {
namespace {

using std::chrono::milliseconds;

// The most bytes of one message from a plugin. Three of the longest R-APDUs fit (reader.proto says
// so). What of it may go on to the screens is much less, and ReaderWatch's to see to: a few bytes
// can name what the table tells in many words.
constexpr int kLargestAnswer = 256 * 1024;

constexpr milliseconds kEndAfterSocket(100);

// Whether a log that was full may be taken again.
constexpr milliseconds kLookAtLogs(1000);

// True when `fd` became readable within `timeout`; false on time-out.
bool AwaitReadable(int fd, milliseconds timeout) {
  pollfd watched{fd, POLLIN, 0};
  return poll(&watched, 1, static_cast<int>(timeout.count())) > 0;
}

std::string HowItEnded(int status, int used_mib, int memory_mib) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == kRefusedByJail) {
    return "its jail could not be built; the log's last line says why";
  }
  if (WIFEXITED(status)) return "ended with status " + std::to_string(WEXITSTATUS(status));
  const std::string how = std::string("killed by ") + strsignal(WTERMSIG(status));
  // Whoever is given no more memory seldom ends for that in so many words.
  if (memory_mib == 0 || used_mib < memory_mib * 3 / 4) return how;
  return how + ", after it used most of the " + std::to_string(memory_mib) +
         " MiB of memory that it may have";
}

}  // namespace

PluginRun::PluginRun(PluginPlan plan, const Patience& patience, PluginLog* log)
    : plan_(std::move(plan)), patience_(patience), log_(log) {}

PluginRun::~PluginRun() = default;

absl::Status PluginRun::StartBus() {
  if (plan_.bus.empty()) return absl::OkStatus();
  auto bus = BusProxy::Start(plan_.bus);
  if (!bus.ok()) return bus.status();
  bus_ = *std::move(bus);
  return absl::OkStatus();
}

absl::Status PluginRun::Spawn(uint64_t generation, const std::shared_ptr<Incidents>& incidents) {
  Jail jail = plan_.jail;
  if (plan_.groups != nullptr) {
    auto group = plan_.groups->Make(jail.name, jail.memory_mib, jail.threads);
    if (!group.ok()) return group.status();
    group_ = *std::move(group);
    jail.grouped = true;
  }
  const auto launch = LauncherArguments(plan_.launcher, jail, kProgramFd, getpid());
  surroundings_ = Surroundings(jail);
  auto spawned = madoguchi::Spawn(launch, plan_.image->program.get(), jail.pin_lane, jail.notices,
                                  group_ == nullptr ? -1 : group_->entrance());
  if (!spawned.ok()) return spawned.status();
  spawned_ = *std::move(spawned);
  const plugin::v1::Manifest& manifest = plan_.image->folder.manifest;
  life_ = std::make_shared<PluginLife>();
  life_->kind = manifest.kind();
  life_->generation = generation;
  life_->incidents = incidents;
  life_->pid = spawned_.pid;
  life_->pin = std::move(spawned_.pin);
  life_->service = Fd(fcntl(spawned_.service.get(), F_DUPFD_CLOEXEC, 10));
  // gRPC takes the descriptor over.
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kLargestAnswer);
  life_->channel = grpc::CreateCustomInsecureChannelFromFd(manifest.name(),
                                                           spawned_.service.Release(), arguments);
  if (plan_.jail.notices) {
    denied_ = std::make_unique<DeniedCalls>(
        std::move(spawned_.notices), plan_.jail,
        [incidents](const std::string& what) { incidents->Add(what); });
  }
  pulse_ = std::make_unique<Pulse>(life_->channel, patience_.pulse);
  Consumption::Limits limits;
  limits.descriptors = jail.descriptors;
  consumption_ =
      std::make_unique<Consumption>(life_->pid, limits, std::chrono::steady_clock::now());
  return absl::OkStatus();
}

// Greets beside this thread.
absl::Status PluginRun::Greet(int call_fd, PluginRun* beside) {
  const Fd done(eventfd(0, EFD_CLOEXEC));
  absl::Status greeted;
  bool ended = false;
  {
    std::stop_source give_up;
    const std::jthread greeting([&] {
      greeted = GreetUntil(give_up.get_token());
      eventfd_write(done.get(), 1);
    });
    pollfd watched[] = {{-1, POLLIN, 0},
                        {pid_fd(), POLLIN, 0},
                        {call_fd, POLLIN, 0},
                        {done.get(), POLLIN, 0},
                        {-1, POLLIN, 0}};
    PluginRun* const logs[] = {this, beside};
    pollfd* const of_logs[] = {&watched[0], &watched[4]};
    while ((watched[3].revents & POLLIN) == 0) {
      for (int i = 0; i < 2; ++i) of_logs[i]->fd = logs[i] == nullptr ? -1 : logs[i]->log_fd();
      if (poll(watched, std::size(watched), static_cast<int>(kLookAtLogs.count())) < 0) continue;
      for (int i = 0; i < 2; ++i) {
        if ((of_logs[i]->revents & POLLIN) != 0) logs[i]->TakeLog();
        if ((of_logs[i]->revents & (POLLHUP | POLLERR)) != 0) logs[i]->LoseLog();
      }
      if ((watched[1].revents | watched[2].revents) == 0) continue;
      ended = ended || watched[1].revents != 0;
      give_up.request_stop();
      watched[1].fd = watched[2].fd = -1;
    }
  }
  // Its socket closes a moment before it has ended, and its end says more.
  if (absl::IsUnavailable(greeted) && !ended) ended = AwaitReadable(pid_fd(), kEndAfterSocket);
  if (!greeted.ok() && ended) return absl::UnavailableError("it ended before it was ready");
  return greeted;
}

absl::Status PluginRun::GreetUntil(const std::stop_token& give_up) {
  const auto stub = plugin::v1::Plugin::NewStub(life_->channel);
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
  if (const std::string difference = DifferenceFrom(plan_.image->folder.manifest, said);
      !difference.empty()) {
    return absl::FailedPreconditionError(difference);
  }
  grpc::ClientContext context;
  context.set_deadline(deadline);
  const std::stop_callback cancel(give_up, [&context] { context.TryCancel(); });
  plugin::v1::StartReply started;
  const absl::Status status = FromGrpc(stub->Start(&context, plan_.settings, &started));
  if (!status.ok()) return absl::UnavailableError("no Start: " + std::string(status.message()));
  return absl::OkStatus();
}

int PluginRun::log_fd() const {
  return log_open_ && !log_->IsFull(std::chrono::steady_clock::now()) ? spawned_.log.get() : -1;
}

void PluginRun::TakeLog() {
  if (log_->Take(spawned_.log.get(), std::chrono::steady_clock::now())) {
    life_->incidents->Add("wrote more of log in a second than is taken, and was slowed down");
  }
}

void PluginRun::LookAtConsumption() {
  for (const std::string& what : consumption_->Look(std::chrono::steady_clock::now())) {
    life_->incidents->Add(what);
  }
}

bool PluginRun::HasMoved() const { return HaveMoved(surroundings_, Surroundings(plan_.jail)); }

std::string PluginRun::Bury(bool wait) {
  life_->over = true;
  shutdown(life_->service.get(), SHUT_RDWR);
  const bool by_itself = AwaitReadable(pid_fd(), wait ? patience_.stop : milliseconds(0));
  // Its whole group: what it left behind would hold its log, and a reader. The group's number is
  // not given away as long as nobody took the leader's status.
  kill(-spawned_.pid, SIGKILL);
  int status = 0;
  rusage used{};
  while (wait4(spawned_.pid, &status, 0, &used) < 0 && errno == EINTR) {
  }
  log_->End(spawned_.log.get());
  const bool out_of_memory = group_ != nullptr && group_->RanOutOfMemory();
  group_.reset();
  if (out_of_memory) {
    return "killed for memory beyond " + std::to_string(plan_.jail.memory_mib) + " MiB";
  }
  if (!by_itself && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
    return "killed, because it did not end by itself";
  }
  return HowItEnded(status, static_cast<int>(used.ru_maxrss / 1024), plan_.jail.memory_mib);
}

}  // namespace madoguchi
