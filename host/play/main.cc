// madoguchi-play: what `madoguchid --play` runs. A program of its own, so that the host that reads
// cards holds no line that makes one up, and this one none that reaches a reader or an authority.
#include <signal.h>
#include <sys/resource.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "host/play/host.h"
#include "host/play/script.h"
#include "sdk/failure/failure.h"

namespace {

constexpr int kUsage = 64;        // EX_USAGE
constexpr int kScript = 78;       // EX_CONFIG
constexpr int kUnavailable = 69;  // EX_UNAVAILABLE
constexpr double kSlowest = 0.01, kFastest = 10000;

constexpr char kHelp[] =
    "madoguchid --play SCRIPT... [options]\n"
    "\n"
    "Plays checks for whoever builds a screen: the host's own desk and checks, with card, reader,\n"
    "patient and authority by script. Nothing in it is real, and nothing real can be reached.\n"
    "SCRIPT is a file (host/play/script.proto says what may stand in it), the name of a ready "
    "one,\n"
    "or `all` for all of these in turn. Prints the socket's path, then \"ready\"; stops on "
    "SIGTERM\n"
    "or SIGINT.\n"
    "\n"
    "  --list           lists the ready scripts: name, way of checking, how it ends, what it "
    "shows\n"
    "  --speed FACTOR   2 is twice as fast, 0.5 half as fast; 0.01 to 10000\n"
    "  --socket PATH    where the desk listens; else in a folder of this run\n"
    "  --state FOLDER   keeps keys and devices there; else they go with this run\n"
    "  --address H:P    opens a door for screens elsewhere, too; port 0 takes a free one\n"
    "  --help           prints this\n";

void List() {
  for (const auto& ready : madoguchi::play::ReadyScripts()) {
    const auto script = madoguchi::play::ParseScript(ready.text, ready.name + ".textproto");
    if (!script.ok()) continue;
    const auto& act = script->act(0);
    const std::string ends = act.ends() == 0 ? "eligible" : madoguchi::NameOf(act.ends());
    std::printf("%-27s %-8s %-27s %s\n", ready.name.c_str(), act.method().c_str(), ends.c_str(),
                act.shows().c_str());
  }
}

int Wrong(const std::string& what) {
  std::fprintf(stderr, "madoguchid --play: %s\n\n%s", what.c_str(), kHelp);
  return kUsage;
}

}  // namespace

int main(int argc, char** argv) {
  madoguchi::script::Script script;
  madoguchi::play::PlayedHost::Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool more = i + 1 < argc;
    if (argument == "--play") continue;
    if (argument == "--help") {
      std::fputs(kHelp, stdout);
      return 0;
    }
    if (argument == "--list") {
      List();
      return 0;
    }
    if (argument == "--speed" && more) {
      char* end = nullptr;
      options.speed = std::strtod(argv[++i], &end);
      if (*end != '\0' || !(options.speed >= kSlowest && options.speed <= kFastest)) {
        return Wrong("--speed " + std::string(argv[i]) + "; expected a number from 0.01 to 10000");
      }
    } else if (argument == "--socket" && more) {
      options.socket = argv[++i];
    } else if (argument == "--state" && more) {
      options.state_folder = argv[++i];
    } else if (argument == "--address" && more) {
      options.address = argv[++i];
    } else if (argument.rfind("-", 0) == 0) {
      return Wrong("what is \"" + argument + "\"?");
    } else {
      const auto one = madoguchi::play::ReadScript(argument);
      const absl::Status added = one.ok() ? madoguchi::play::Append(*one, &script) : one.status();
      if (!added.ok()) {
        std::fprintf(stderr, "madoguchid --play: %s\n", std::string(added.message()).c_str());
        return kScript;
      }
    }
  }
  if (script.act().empty()) return Wrong("no script");

  // A typed PIN is one, whoever typed it for a play.
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  signal(SIGPIPE, SIG_IGN);
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  const auto host = madoguchi::play::PlayedHost::Start(script, options);
  if (!host.ok()) {
    std::fprintf(stderr, "madoguchid --play: %s\n", std::string(host.status().message()).c_str());
    return kUnavailable;
  }
  std::printf("PLAY: nothing here is real, neither card nor reader nor authority.\n");
  std::printf("socket %s\n", (*host)->socket().c_str());
  if (!(*host)->address().empty()) std::printf("address %s\n", (*host)->address().c_str());
  std::printf("ready\n");
  std::fflush(stdout);
  int signal_number = 0;
  sigwait(&ends, &signal_number);
  return 0;
}
