// madoguchi-card: a virtual My Number Card as a process of its own. See README.md.

#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <utility>

#include "sdk/sim/card/options.h"
#include "sdk/sim/card/simulator.h"

namespace madoguchi::sim {
namespace {

constexpr int kUsageExit = 64;

int Fail(const absl::Status& status, int code) {
  fprintf(stderr, "madoguchi-card: %s\n", std::string(status.message()).c_str());
  return code;
}

absl::StatusOr<Card> MakeCard(const Folder& folder, Options& options) {
  absl::StatusOr<State> state = folder.OpenState(options.pin, options.password);
  OPENSSL_cleanse(options.pin.data(), options.pin.size());
  OPENSSL_cleanse(options.password.data(), options.password.size());
  if (!state.ok()) return state.status();
  absl::Status status;
  if (options.faults.tries_left) {
    status.Update(state->SetTriesLeft("jpki.auth", *options.faults.tries_left));
  }
  if (options.faults.sign_tries_left) {
    status.Update(state->SetTriesLeft("jpki.sign", *options.faults.sign_tries_left));
  }
  if (!status.ok()) return status;
  options.faults.tries_left.reset();
  options.faults.sign_tries_left.reset();
  absl::StatusOr<std::vector<Application>> applications = folder.Applications(options.faults);
  if (!applications.ok()) return applications.status();
  return Card(*std::move(applications), *std::move(state), options.faults);
}

int Main(int argc, char** argv) {
  // Signals are taken from a descriptor; blocked before anything else, so that none is lost.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const int stop_fd = signalfd(-1, &signals, SFD_CLOEXEC);
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);  // Latencies to the microsecond.

  absl::StatusOr<Options> options = ParseOptions(argc, argv);
  if (!options.ok()) return Fail(options.status(), kUsageExit);
  if (options->help) {
    fputs(kUsage, stdout);
    return 0;
  }
  const absl::StatusOr<Folder> folder = Folder::Open(options->folder);
  if (!folder.ok()) return Fail(folder.status(), 1);
  absl::StatusOr<Card> card = MakeCard(*folder, *options);
  if (!card.ok()) return Fail(card.status(), 1);

  if (options->make_only) {
    for (const char* name : {"auth-ca.pem", "sign-ca.pem", "auth.pem", "sign.pem", "state"}) {
      printf("%s/%s\n", folder->path().c_str(), name);
    }
    return 0;
  }
  Trace trace;
  if (!options->trace_path.empty()) {
    absl::StatusOr<Trace> opened = Trace::To(options->trace_path, options->trace_pins);
    if (!opened.ok()) return Fail(opened.status(), 1);
    trace = *std::move(opened);
  }
  std::optional<Control> control;
  if (!options->control_path.empty()) {
    absl::StatusOr<Control> listening = Control::Listen(options->control_path);
    if (!listening.ok()) return Fail(listening.status(), 1);
    control.emplace(*std::move(listening));
  }
  Slot slot = options->port != 0 ? Slot::OnPort(options->port) : Slot::OnPath(options->socket_path);
  Simulator simulator(*folder, *card, trace, slot, options->atr, options->latency, options->faults);
  printf("ready\n");
  fflush(stdout);
  simulator.Run(stop_fd, control ? &*control : nullptr);
  return 0;
}

}  // namespace
}  // namespace madoguchi::sim

int main(int argc, char** argv) { return madoguchi::sim::Main(argc, argv); }
