#include "sdk/launch/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace madoguchi {
namespace {

constexpr int kLog = 1, kErrors = 2, kService = 3, kPin = 4;
// Above all the numbers that the child's descriptors get, so that none is overwritten.
constexpr int kFirstFree = 10;

absl::Status SystemError(const std::string& what) {
  return absl::UnavailableError(what + ": " + std::strerror(errno));
}

Fd Lifted(int fd) {
  const int lifted = fcntl(fd, F_DUPFD_CLOEXEC, kFirstFree);
  close(fd);
  return Fd(lifted);
}

absl::StatusOr<std::pair<Fd, Fd>> SocketPair(int type) {
  int ends[2];
  if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0) return SystemError("socketpair");
  auto lifted = std::make_pair(Lifted(ends[0]), Lifted(ends[1]));
  if (lifted.first.get() < 0 || lifted.second.get() < 0) return SystemError("socketpair");
  return lifted;
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    Reset();
    fd_ = other.Release();
  }
  return *this;
}

int Fd::Release() { return std::exchange(fd_, -1); }

void Fd::Reset() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

absl::StatusOr<Child> SpawnChild(const std::vector<std::string>& arguments,
                                 const posix_spawn_file_actions_t& actions) {
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> words;
  for (const std::string& one : arguments) words.push_back(const_cast<char*>(one.c_str()));
  words.push_back(nullptr);
  char* environment[] = {nullptr};
  Child child;
  const int error = posix_spawn(&child.pid, arguments.front().c_str(), &actions, &attributes,
                                words.data(), environment);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    errno = error;
    return SystemError(arguments.front());
  }
  child.pid_fd = Fd(static_cast<int>(syscall(SYS_pidfd_open, child.pid, 0)));
  if (child.pid_fd.get() < 0) {
    // Nobody would notice its death.
    const absl::Status why = SystemError("pidfd_open");
    kill(child.pid, SIGKILL);
    waitpid(child.pid, nullptr, 0);
    return why;
  }
  return child;
}

absl::StatusOr<Spawned> Spawn(const std::vector<std::string>& launch, int program, bool pin_lane,
                              bool notices, int group) {
  Spawned spawned;
  auto service = SocketPair(SOCK_STREAM);
  if (!service.ok()) return service.status();
  auto pin = SocketPair(SOCK_SEQPACKET);
  if (!pin.ok()) return pin.status();
  auto notice = SocketPair(SOCK_SEQPACKET);
  if (!notice.ok()) return notice.status();
  // A low number would be overwritten before it is looked at.
  const Fd bytes(program < 0 ? -1 : fcntl(program, F_DUPFD_CLOEXEC, kFirstFree));
  const Fd entrance(group < 0 ? -1 : fcntl(group, F_DUPFD_CLOEXEC, kFirstFree));
  int log[2];
  if (pipe2(log, O_CLOEXEC) != 0) return SystemError("pipe");
  Fd log_read = Lifted(log[0]), log_write = Lifted(log[1]);
  // A descriptor that is missing would be missing in the child, without an error.
  if (log_read.get() < 0 || log_write.get() < 0) return SystemError("pipe");

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, log_write.get(), kLog);
  posix_spawn_file_actions_adddup2(&actions, log_write.get(), kErrors);
  posix_spawn_file_actions_adddup2(&actions, service->second.get(), kService);
  if (pin_lane) {
    posix_spawn_file_actions_adddup2(&actions, pin->second.get(), kPin);
  } else {
    posix_spawn_file_actions_addclose(&actions, kPin);
  }
  if (program >= 0) posix_spawn_file_actions_adddup2(&actions, bytes.get(), kProgramFd);
  if (notices) posix_spawn_file_actions_adddup2(&actions, notice->second.get(), kNoticeFd);
  int last = notices ? kNoticeFd : program >= 0 ? kProgramFd : kPin;
  if (group >= 0) {
    for (int fd = last + 1; fd < kGroupFd; ++fd) posix_spawn_file_actions_addclose(&actions, fd);
    posix_spawn_file_actions_adddup2(&actions, entrance.get(), kGroupFd);
    last = kGroupFd;
  }
  posix_spawn_file_actions_addclosefrom_np(&actions, last + 1);

  auto child = SpawnChild(launch, actions);
  posix_spawn_file_actions_destroy(&actions);
  if (!child.ok()) return child.status();
  spawned.pid = child->pid;
  spawned.pid_fd = std::move(child->pid_fd);
  fcntl(service->first.get(), F_SETFL, O_NONBLOCK);
  fcntl(log_read.get(), F_SETFL, O_NONBLOCK);
  spawned.service = std::move(service->first);
  if (pin_lane) spawned.pin = std::move(pin->first);
  if (notices) {
    spawned.notices = {std::move(notice->first),
                       Fd(fcntl(spawned.pid_fd.get(), F_DUPFD_CLOEXEC, kFirstFree))};
  }
  spawned.log = std::move(log_read);
  return spawned;
}

}  // namespace madoguchi
