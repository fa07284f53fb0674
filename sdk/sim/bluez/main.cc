// madoguchi-bluez: a double of bluetoothd, with emulated readers behind it. See README.md.

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <utility>
#include <vector>

#include "sdk/sim/bluez/options.h"
#include "sdk/sim/bluez/simulation.h"
#include "sdk/sim/control/control.h"

namespace madoguchi::bluez {
namespace {

constexpr int kUsageExit = 64;

int Fail(const absl::Status& status, int code) {
  fprintf(stderr, "madoguchi-bluez: %s\n", std::string(status.message()).c_str());
  return code;
}

// Whoever started this may hold the other end of a pipe, and end it by closing that. A terminal or
// /dev/null says nothing.
bool StdinIsSomebodys() {
  struct stat facts {};
  return fstat(STDIN_FILENO, &facts) == 0 && (S_ISFIFO(facts.st_mode) || S_ISSOCK(facts.st_mode));
}

int Main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const int stop_fd = signalfd(-1, &signals, SFD_CLOEXEC);
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);

  const absl::StatusOr<Options> options = ParseOptions(argc, argv);
  if (!options.ok()) return Fail(options.status(), kUsageExit);
  if (options->help) {
    fputs(kUsage, stdout);
    return 0;
  }
  Loop loop;
  loop.Watch(stop_fd, POLLIN, [&loop] { loop.Stop(); });
  if (StdinIsSomebodys()) {
    loop.Watch(STDIN_FILENO, POLLIN, [&loop] {
      char bytes[256];
      if (read(STDIN_FILENO, bytes, sizeof bytes) <= 0) loop.Stop();
    });
  }
  std::optional<sim::Control> control;
  if (!options->control_path.empty()) {
    absl::StatusOr<sim::Control> listening = sim::Control::Listen(options->control_path);
    if (!listening.ok()) return Fail(listening.status(), 1);
    control.emplace(*std::move(listening));
  }
  const absl::StatusOr<std::unique_ptr<Simulation>> simulation = Simulation::Start(*options, loop);
  if (!simulation.ok()) return Fail(simulation.status(), 1);

  std::vector<pollfd> controlled;
  loop.BeforeWait([&] {
    for (const pollfd& one : controlled) loop.Forget(one.fd);
    controlled.clear();
    if (control) control->AddTo(controlled);
    for (const pollfd& one : controlled) {
      loop.Watch(one.fd, one.events, [&] {
        control->Serve([&](const std::string& line) { return (*simulation)->Command(line); });
      });
    }
    return (*simulation)->Process();
  });
  for (const std::string& port : (*simulation)->ports()) printf("port %s\n", port.c_str());
  printf("ready\n");
  fflush(stdout);
  loop.Run();
  return 0;
}

}  // namespace
}  // namespace madoguchi::bluez

int main(int argc, char** argv) { return madoguchi::bluez::Main(argc, argv); }
