// madoguchi-pn532: an emulated PN532 on a pseudo-terminal. See README.md.

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "sdk/sim/pn532/emulator.h"
#include "sdk/sim/pn532/options.h"

namespace madoguchi::pn532 {
namespace {

constexpr int kUsageExit = 64;

int Fail(const absl::Status& status, int code) {
  fprintf(stderr, "madoguchi-pn532: %s\n", std::string(status.message()).c_str());
  return code;
}

// Whoever started this holds the other end, and its closing means the end; -1 for another stdin,
// such as /dev/null.
int StdinOfStarter() {
  struct stat facts;
  if (fstat(STDIN_FILENO, &facts) != 0) return -1;
  return S_ISFIFO(facts.st_mode) || S_ISSOCK(facts.st_mode) ? STDIN_FILENO : -1;
}

int Main(int argc, char** argv) {
  // Signals are taken from a descriptor; blocked before anything else, so that none is lost.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const int stop = signalfd(-1, &signals, SFD_CLOEXEC);
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);  // The line's times to the microsecond.

  const absl::StatusOr<Options> options = ParseOptions(argc, argv);
  if (!options.ok()) return Fail(options.status(), kUsageExit);
  if (options->help) {
    fputs(kUsage, stdout);
    return 0;
  }
  const auto emulator = Emulator::Make(*options);
  if (!emulator.ok()) return Fail(emulator.status(), 1);
  printf("ready\n");
  fflush(stdout);
  (*emulator)->Run(stop, StdinOfStarter());
  return 0;
}

}  // namespace
}  // namespace madoguchi::pn532

int main(int argc, char** argv) { return madoguchi::pn532::Main(argc, argv); }
