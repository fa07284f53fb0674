// madoguchid: the host.
#include <google/protobuf/stubs/logging.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>

#include "host/config.h"
#include "host/host.h"
#include "host/version.h"

namespace {

constexpr int kUsage = 64;        // EX_USAGE
constexpr int kConfig = 78;       // EX_CONFIG
constexpr int kUnavailable = 69;  // EX_UNAVAILABLE

constexpr char kHelp[] =
    "madoguchid --config FILE [--verbose]\n"
    "madoguchid --play SCRIPT...\n"
    "\n"
    "Runs the host: starts the plugins that FILE names and opens the desk for screens.\n"
    "FILE is protobuf text; host/config.proto says what may stand in it.\n"
    "Prints \"ready\" when the doors are open, and stops on SIGTERM or SIGINT.\n"
    "\n"
    "  --play      plays checks for whoever builds a screen, without card, reader or authority;\n"
    "              see `madoguchid --play --help`\n"
    "  --verbose   logs each finished check step by step; personal fields read ***\n"
    "  --version   prints the version\n"
    "  --help      prints this\n";

// Becomes the program that plays, which lies beside this one, or in libexec where it is installed.
int Play(char** argv) {
  std::error_code error;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  const std::string program = (own / "madoguchi-play").string();
  execv(program.c_str(), argv);
  execv((own.parent_path() / "libexec/madoguchi/madoguchi-play").c_str(), argv);
  std::fprintf(stderr, "madoguchid: %s: %s\n", program.c_str(), std::strerror(errno));
  return kUnavailable;
}

// protobuf logs each message that it cannot read, without whose it is: a plugin would fill the
// journal. Whoever sent it is named among the incidents. What ends the process is told.
void LogOfProtobuf(google::protobuf::LogLevel level, const char*, int, const std::string& text) {
  if (level == google::protobuf::LOGLEVEL_FATAL) {
    std::fprintf(stderr, "madoguchid: protobuf: %s\n", text.c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--play") == 0) return Play(argv);
  }
  std::string path;
  bool verbose = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--help") {
      std::fputs(kHelp, stdout);
      return 0;
    }
    if (argument == "--version") {
      std::printf("madoguchid %s\n", madoguchi::kVersion);
      return 0;
    }
    if (argument == "--verbose") {
      verbose = true;
    } else if (argument == "--config" && i + 1 < argc) {
      path = argv[++i];
    } else if (argument.rfind("--config=", 0) == 0) {
      path = argument.substr(std::strlen("--config="));
    } else {
      std::fprintf(stderr, "madoguchid: what is \"%s\"?\n\n%s", argv[i], kHelp);
      return kUsage;
    }
  }
  if (path.empty()) {
    std::fprintf(stderr, "madoguchid: --config is missing\n\n%s", kHelp);
    return kUsage;
  }

  google::protobuf::SetLogHandler(LogOfProtobuf);
  // A core dump would hold whatever was in memory.
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  signal(SIGPIPE, SIG_IGN);
  // Blocked before any thread is made, so that all of them leave these to sigwait below.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  madoguchi::TextPlaces places;
  const auto config = madoguchi::ReadConfig(path, &places);
  if (!config.ok()) {
    std::fprintf(stderr, "madoguchid: %s\n", std::string(config.status().message()).c_str());
    return kConfig;
  }
  const auto host = madoguchi::Host::Start(
      *config, places, std::filesystem::absolute(path).parent_path().string(), verbose);
  if (!host.ok()) {
    std::fprintf(stderr, "madoguchid: %s\n", std::string(host.status().message()).c_str());
    return kUnavailable;
  }
  std::printf("ready\n");
  std::fflush(stdout);
  int signal_number = 0;
  sigwait(&ends, &signal_number);
  return 0;
}
