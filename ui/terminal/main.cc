// madoguchi: the reference screen, in a terminal.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "ui/terminal/commands.h"
#include "ui/terminal/text.h"

namespace {

using namespace madoguchi::terminal;  // NOLINT: this file is the program's own.

constexpr Phrase kSeeHelp("使い方は madoguchi help で表示されます。", "See: madoguchi help");
constexpr Phrase kClosedFd("--pin-fd {} は開いていません。",
                           "--pin-fd {}: this descriptor is not open.");

std::atomic<int> interrupted = 0;
static_assert(std::atomic<int>::is_always_lock_free);
Bell* bell = nullptr;

void Interrupt(int) {
  ++interrupted;
  bell->Ring();
}

}  // namespace

int main(int argc, char** argv) {
  // A core file would keep what was typed.
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  signal(SIGPIPE, SIG_IGN);
  setenv("GRPC_VERBOSITY", "NONE", 0);  // What went wrong is said in our own words.

  const Language language = LanguageOfLocale();
  const auto line = ParseCommandLine(std::vector<std::string>(argv + 1, argv + argc), language);
  if (!line.ok()) {
    std::cerr << line.status().message() << "\n" << kSeeHelp.In(language) << std::endl;
    return kExitUsage;
  }
  if (line->pin_fd >= 0 && fcntl(line->pin_fd, F_GETFD) < 0) {
    std::cerr << Fill(kClosedFd, language, {std::to_string(line->pin_fd)}) << std::endl;
    return kExitUsage;
  }
  Bell own;
  bell = &own;
  struct sigaction action = {};
  action.sa_handler = Interrupt;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaction(number, &action, nullptr);
  return Run(*line, language, bell, &interrupted, std::cout, std::cerr);
}
