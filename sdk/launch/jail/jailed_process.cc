#include "sdk/launch/jail/jailed_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "sdk/launch/image.h"

namespace madoguchi {

int JailedProcess::SealedCopy(const std::string& path) {
  auto copy = madoguchi::SealedCopy(path, "plugin");
  return copy.ok() ? copy->Release() : -1;
}

absl::StatusOr<std::unique_ptr<JailedProcess>> JailedProcess::Spawn(const std::string& launcher,
                                                                    const Jail& jail,
                                                                    int program_fd,
                                                                    pid_t host_pid) {
  std::vector<std::string> launch = LauncherArguments(launcher, jail, kProgramFd, host_pid);
  if (launcher.empty()) launch = {"/proc/self/fd/" + std::to_string(kProgramFd)};
  auto spawned = madoguchi::Spawn(launch, program_fd, /*pin_lane=*/true, jail.notices);
  if (!spawned.ok()) return spawned.status();
  std::unique_ptr<JailedProcess> process(new JailedProcess);
  process->spawned_ = *std::move(spawned);
  fcntl(process->spawned_.log.get(), F_SETFL, 0);  // Wait waits on it
  if (jail.notices) {
    process->denied_ = std::make_unique<DeniedCalls>(
        std::move(process->spawned_.notices), jail, [raw = process.get()](const std::string& one) {
          std::lock_guard<std::mutex> lock(raw->mutex_);
          raw->told_.push_back(one);
        });
  }
  return process;
}

JailedProcess::~JailedProcess() {
  if (spawned_.pid > 0) {
    kill(spawned_.pid, SIGKILL);
    waitpid(spawned_.pid, nullptr, 0);
  }
}

std::vector<std::string> JailedProcess::told() {
  std::lock_guard<std::mutex> lock(mutex_);
  return told_;
}

int JailedProcess::TakeService() { return spawned_.service.Release(); }

bool JailedProcess::AwaitLog() {
  char part[64];
  return read(spawned_.log.get(), part, sizeof(part)) > 0;
}

int JailedProcess::Wait(std::string* log) {
  char part[4096];
  ssize_t size;
  while ((size = read(spawned_.log.get(), part, sizeof(part))) > 0 ||
         (size < 0 && errno == EINTR)) {
    if (size > 0) log->append(part, static_cast<size_t>(size));
  }
  int status = 0;
  while (waitpid(spawned_.pid, &status, 0) < 0 && errno == EINTR) {
  }
  spawned_.pid = -1;
  denied_.reset();
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace madoguchi
