// madoguchi-conformance: examines a plugin as a host would meet it, or a desk as a screen would.
// README.md (installed: share/doc/madoguchi/conformance.md) tells how to use it.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "sdk/conformance/desk_rules.h"
#include "sdk/conformance/exam.h"
#include "sdk/conformance/folder_watch.h"

namespace madoguchi::conformance {
namespace {

constexpr int kPasses = 0, kFails = 1, kNoPlugin = 2, kUsage = 64;

constexpr char kHelp[] =
    R"(usage: madoguchi-conformance FOLDER [OPTION...]
       madoguchi-conformance --desk ADDRESS... [--json] [--junit FILE]
Runs the plugin in FOLDER as a host would, in its jail, and reports what it keeps of the contract.

  --set NAME=VALUE       a setting's value (a path, for files); repeatable
  --grant PERMISSION     grants this, and no longer all that the manifest asks; repeatable;
                         "none" grants nothing
  --only PREFIX          rows whose ids begin so, such as reader.pin
  --json                 prints JSON in the place of text
  --junit FILE           writes JUnit's XML too
  --watch                runs again whenever a file in FOLDER changes, until it is interrupted
  --log                  prints all that the plugin wrote to stdout and stderr, not only the last
                         lines of what a failed row saw
  --debug                lets a debugger in: fewer layers of the jail, no deadlines. A host never
                         does this
  --launcher PATH        madoguchi-jail (default: beside this program, or in ../libexec/madoguchi)
  --card-command PROGRAM readers: PROGRAM lay|take|restart|type|cancel moves the card,
                         and types at the reader's PIN pad
  --sim-card PLACE       readers: puts a virtual card (madoguchi-card) on the socket or port PLACE
  --largest-apdu BYTES   readers: the longest command that card and driver carry (65544)
  --card-folder FOLDER   authorities: a madoguchi-card's folder, whose key answers for its holder;
                         readers: where --sim-card keeps its card
  --server-setting NAME  authorities: the setting that says where the server is
  --without-visual       policies: a clinic that does not allow 目視

  --desk ADDRESS         a desk in the place of a plugin: the path of its local socket, or of a device
                         file; repeatable, a device for each role. It begins and cancels checks
                         at the first counter; only a host of `madoguchid --play` is sent a PIN

Status: 0 no row failed and not all were skipped, 1 otherwise, 2 FOLDER holds no plugin or nobody is
at ADDRESS, 64 usage. share/doc/madoguchi/conformance.md (sdk/conformance/README.md) tells more.
)";

struct Arguments {
  Options options;
  bool json = false;
  bool watch = false;
  std::string junit;
  std::vector<std::string> desks;
};

// The folder of this program's file.
std::filesystem::path OwnFolder() {
  std::error_code none;
  return std::filesystem::canonical("/proc/self/exe", none).parent_path();
}

std::string FindLauncher() {
  const auto beside = OwnFolder() / "madoguchi-jail";
  const auto installed = OwnFolder().parent_path() / "libexec/madoguchi/madoguchi-jail";
  return access(beside.c_str(), X_OK) == 0 ? beside : installed;
}

// What is wrong with the command line; empty when nothing is.
std::string Parse(const std::vector<std::string>& words, Arguments* arguments) {
  Options& options = arguments->options;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--json") {
      arguments->json = true;
    } else if (word == "--watch") {
      arguments->watch = true;
    } else if (word == "--log") {
      options.whole_log = true;
    } else if (word == "--debug") {
      options.debug = true;
    } else if (word == "--without-visual") {
      options.visual = false;
    } else if (!word.starts_with("--")) {
      if (!options.folder.empty()) return "expected one folder, and this is another: " + word;
      options.folder = word;
    } else if (i + 1 == words.size()) {
      return "no such option, or one that needs a value: " + word;
    } else {
      const std::string& value = words[++i];
      if (word == "--set") {
        const size_t equals = value.find('=');
        if (equals == std::string::npos) return "--set: expected NAME=VALUE: " + value;
        options.settings[value.substr(0, equals)] = value.substr(equals + 1);
      } else if (word == "--grant") {
        if (!options.granted) options.granted.emplace();
        if (value != "none") options.granted->push_back(value);
      } else if (word == "--only") {
        options.only = value;
      } else if (word == "--junit") {
        arguments->junit = value;
      } else if (word == "--desk") {
        arguments->desks.push_back(value);
      } else if (word == "--launcher") {
        options.launcher = value;
      } else if (word == "--card-command") {
        options.card_command = value;
      } else if (word == "--sim-card") {
        options.sim_card = value;
      } else if (word == "--largest-apdu") {
        const auto [at, error] =
            std::from_chars(value.data(), value.data() + value.size(), options.largest_apdu);
        if (error != std::errc() || *at != '\0') return "--largest-apdu: expected a number";
      } else if (word == "--card-folder") {
        options.card_folder = value;
      } else if (word == "--server-setting") {
        options.server_setting = value;
      } else {
        return "no such option: " + word;
      }
    }
  }
  if (!arguments->desks.empty()) {
    return options.folder.empty() && !arguments->watch ? ""
                                                       : "expected a desk or a plugin, not both";
  }
  if (options.folder.empty()) return "expected a plugin's folder";
  return "";
}

// Why a file cannot be written, before an examination is spent on it; empty when it can. Leaves no
// file behind.
std::string WhyNotWritten(const std::string& path) {
  if (path.empty()) return "";
  const bool there = access(path.c_str(), F_OK) == 0;
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0666);
  if (fd < 0) return std::strerror(errno);
  close(fd);
  if (!there) unlink(path.c_str());
  return "";
}

absl::StatusOr<Report> ExamineDesks(const std::vector<std::string>& addresses) {
  const auto desk = ReachDesk(addresses);
  if (!desk.ok()) return desk.status();
  Report report("the desk at " + addresses.front());
  ExamineDesk(*desk, &report);
  return report;
}

int RunOnce(const Arguments& arguments) {
  const auto report =
      arguments.desks.empty() ? Examine(arguments.options) : ExamineDesks(arguments.desks);
  if (!report.ok()) {
    std::cerr << "madoguchi-conformance: " << report.status().message() << "\n";
    return absl::IsOutOfRange(report.status()) ? kUsage : kNoPlugin;
  }
  std::cout << (arguments.json ? report->Json() : report->Text()) << std::flush;
  if (!arguments.junit.empty()) {
    std::ofstream file(arguments.junit);
    file << report->Junit();
    if (!file.flush()) {
      std::cerr << "madoguchi-conformance: --junit: cannot write " << arguments.junit << "\n";
      return kUsage;
    }
  }
  return report->Passes() ? kPasses : kFails;
}

int Run(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  for (const std::string& word : words) {
    if (word != "--help") continue;
    std::cout << kHelp;
    return kPasses;
  }
  Arguments arguments;
  arguments.options.launcher = FindLauncher();
  arguments.options.sim_card_binary = OwnFolder() / "madoguchi-card";
  if (const std::string wrong = Parse(words, &arguments); !wrong.empty()) {
    std::cerr << "madoguchi-conformance: " << wrong << "; see --help\n";
    return kUsage;
  }
  if (const std::string why = WhyNotWritten(arguments.junit); !why.empty()) {
    std::cerr << "madoguchi-conformance: --junit " << arguments.junit << ": " << why << "\n";
    return kUsage;
  }
  // gRPC's own lines about plugins that are meant to be unreachable are no part of the report.
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  if (!arguments.watch) return RunOnce(arguments);
  FolderWatch watch(arguments.options.folder);
  int status;
  do {
    status = RunOnce(arguments);
    std::cout << "\nWatching " << arguments.options.folder << "\n\n" << std::flush;
  } while (watch.AwaitChange());
  return status;
}

}  // namespace
}  // namespace madoguchi::conformance

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  return madoguchi::conformance::Run(argc, argv);
}
