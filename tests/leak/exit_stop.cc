#include "tests/leak/exit_stop.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <thread>

namespace madoguchi::leak {

absl::StatusOr<std::unique_ptr<ExitStop>> ExitStop::Seize(pid_t pid) {
  if (ptrace(PTRACE_SEIZE, pid, nullptr, PTRACE_O_TRACEEXIT) != 0) {
    return absl::UnavailableError(std::string("ptrace: ") + std::strerror(errno));
  }
  return std::unique_ptr<ExitStop>(new ExitStop(pid));
}

ExitStop::~ExitStop() { ptrace(PTRACE_DETACH, pid_, nullptr, nullptr); }

absl::StatusOr<int> ExitStop::Await(std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < until) {
    int status = 0;
    const pid_t who = waitpid(pid_, &status, WNOHANG | __WALL);
    if (who < 0) return absl::UnavailableError(std::string("waitpid: ") + std::strerror(errno));
    if (who == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      continue;
    }
    if (!WIFSTOPPED(status)) return absl::UnavailableError("it ended without a stop");
    if (status >> 16 == PTRACE_EVENT_EXIT) {
      unsigned long message = 0;
      ptrace(PTRACE_GETEVENTMSG, pid_, nullptr, &message);
      return static_cast<int>(message);
    }
    const bool signalled = status >> 16 == 0;
    ptrace(PTRACE_CONT, pid_, nullptr, signalled ? WSTOPSIG(status) : 0);
  }
  return absl::DeadlineExceededError("it does not end");
}

}  // namespace madoguchi::leak
