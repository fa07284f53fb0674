#include "sdk/launch/jail/jailed_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace madoguchi {
namespace {

constexpr int kProgram = 5;

int Aside(int fd) {
  const int aside = fcntl(fd, F_DUPFD_CLOEXEC, 10);
  close(fd);
  return aside;
}

}  // namespace

int JailedProcess::SealedCopy(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const int copy =
      static_cast<int>(syscall(SYS_memfd_create, "plugin", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  char part[65536];
  ssize_t size;
  while ((size = read(file, part, sizeof(part))) > 0) {
    if (write(copy, part, static_cast<size_t>(size)) != size) break;
  }
  close(file);
  if (size != 0 ||
      fcntl(copy, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
    close(copy);
    return -1;
  }
  return copy;
}

absl::StatusOr<std::unique_ptr<JailedProcess>> JailedProcess::Spawn(const std::string& launcher,
                                                                    const Jail& jail,
                                                                    int program_fd,
                                                                    pid_t host_pid) {
  int service[2], pin[2], log[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, service) != 0 ||
      socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pin) != 0 ||
      pipe2(log, O_CLOEXEC) != 0) {
    return absl::InternalError("cannot make the plugin's sockets");
  }
  for (int* end : {&service[1], &pin[1], &log[1]}) *end = Aside(*end);
  const int program = fcntl(program_fd, F_DUPFD_CLOEXEC, 10);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, log[1], 1);
  posix_spawn_file_actions_adddup2(&actions, log[1], 2);
  posix_spawn_file_actions_adddup2(&actions, service[1], 3);
  posix_spawn_file_actions_adddup2(&actions, pin[1], 4);
  posix_spawn_file_actions_adddup2(&actions, program, kProgram);

  std::vector<std::string> texts = LauncherArguments(launcher, jail, kProgram, host_pid);
  std::string path = launcher;
  if (launcher.empty()) {
    path = "/proc/self/fd/" + std::to_string(kProgram);
    texts = {jail.name};
  }
  std::vector<char*> arguments;
  for (std::string& text : texts) arguments.push_back(text.data());
  arguments.push_back(nullptr);
  char* const environment[] = {nullptr};
  std::unique_ptr<JailedProcess> process(new JailedProcess);
  const int error =
      posix_spawn(&process->pid_, path.c_str(), &actions, nullptr, arguments.data(), environment);
  posix_spawn_file_actions_destroy(&actions);
  for (const int end : {service[1], pin[1], log[1], program}) close(end);
  fcntl(service[0], F_SETFL, O_NONBLOCK);
  process->service_ = service[0];
  process->pin_ = pin[0];
  process->log_ = log[0];
  if (error != 0) {
    process->pid_ = -1;
    return absl::NotFoundError(path + ": " + std::strerror(error));
  }
  return process;
}

JailedProcess::~JailedProcess() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  for (const int fd : {service_, pin_, log_}) {
    if (fd >= 0) close(fd);
  }
}

int JailedProcess::TakeService() { return std::exchange(service_, -1); }

bool JailedProcess::AwaitLog() {
  char part[64];
  return read(log_, part, sizeof(part)) > 0;
}

int JailedProcess::Wait(std::string* log) {
  char part[4096];
  ssize_t size;
  while ((size = read(log_, part, sizeof(part))) > 0 || (size < 0 && errno == EINTR)) {
    if (size > 0) log->append(part, static_cast<size_t>(size));
  }
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace madoguchi
