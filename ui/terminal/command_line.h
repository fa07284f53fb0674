#ifndef MADOGUCHI_UI_TERMINAL_COMMAND_LINE_H_
#define MADOGUCHI_UI_TERMINAL_COMMAND_LINE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "madoguchi/check/v1/text.pb.h"
#include "ui/terminal/language.h"

namespace madoguchi::terminal {

enum class Command {
  kCheck,
  kPatient,
  kClose,
  kReaders,
  kDoctor,
  kPlugins,
  kPluginsShow,
  kPluginsApprove,
  kPluginsReplace,
  kPluginsRevoke,
  kPluginsRestart,
  kCounters,
  kDevicesList,
  kDevicesAdd,
  kDevicesRemove,
  kVersion,
  kHelp,
};

// What was asked for on the command line.
struct CommandLine {
  Command command = Command::kHelp;
  // Where the host is. An empty socket and an empty device: the default socket.
  std::string socket;
  std::string host;    // host:port; needs a device
  std::string device;  // path of the device file
  std::string counter;
  std::string method;
  bool json = false;
  bool watch = false;
  bool once = false;
  bool yes = false;
  bool same_card = false;
  bool staff_only = false;
  int pin_fd = -1;
  std::string name;    // of a device or a plugin
  std::string digest;  // of a plugin
  check::v1::Role role = check::v1::ROLE_UNSPECIFIED;
  std::string out;      // where `devices add` writes
  std::string address;  // what it writes as the address
};

// `arguments` without the program's name. --flag VALUE and --flag=VALUE are the same.
// INVALID_ARGUMENT says in `language` what is wrong with them.
absl::StatusOr<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments,
                                             Language language);

// All commands and flags, for people.
std::string Usage(Language language);

}  // namespace madoguchi::terminal

#endif  // MADOGUCHI_UI_TERMINAL_COMMAND_LINE_H_
