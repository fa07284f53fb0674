#include <unistd.h>

#include "sdk/failure/failure.h"
#include "sdk/screen/device_file.h"
#include "ui/terminal/commands.h"
#include "ui/terminal/text.h"

namespace madoguchi::terminal {
namespace {

constexpr Phrase kNoAddress("接続先が分かりません。--host ADDRESS で指定してください。",
                            "Where the host is, is not known: name it with --host ADDRESS.");

// The host that the command line names.
absl::StatusOr<std::unique_ptr<screen::DeskConnection>> ConnectionOf(const CommandLine& line,
                                                                     Language language) {
  if (line.device.empty()) {
    return screen::DeskConnection::Local(line.socket.empty() ? screen::DefaultSocketPath()
                                                             : line.socket);
  }
  const auto device = screen::ReadDeviceFile(line.device);
  if (!device.ok()) {
    return FailureStatus(check::v1::FAILURE_CODE_DEVICE_FILE_INVALID,
                         std::string(device.status().message()));
  }
  auto connection = screen::DeskConnection::Remote(*device, line.host);
  if (connection->address().empty()) {
    return FailureStatus(check::v1::FAILURE_CODE_DEVICE_FILE_INVALID, kNoAddress.In(language));
  }
  return connection;
}

int Dispatch(const CommandLine& line, const Session& session) {
  switch (line.command) {
    case Command::kCheck:
      return RunCheck(line, session);
    case Command::kPatient:
      return RunPatient(line, session);
    case Command::kClose:
      return RunClose(line, session);
    case Command::kReaders:
      return RunReaders(line, session);
    case Command::kDoctor:
      return RunDoctor(line, session);
    case Command::kPlugins:
      return RunPlugins(line, session);
    case Command::kPluginsShow:
      return RunPluginsShow(line, session);
    case Command::kPluginsApprove:
    case Command::kPluginsReplace:
      return RunPluginsApprove(line, session);
    case Command::kPluginsRevoke:
      return RunPluginsRevoke(line, session);
    case Command::kPluginsRestart:
      return RunPluginsRestart(line, session);
    case Command::kCounters:
      return RunCounters(line, session);
    case Command::kDevicesList:
      return RunDevicesList(line, session);
    case Command::kDevicesAdd:
      return RunDevicesAdd(line, session);
    case Command::kDevicesRemove:
      return RunDevicesRemove(line, session);
    case Command::kVersion:
      return RunVersion(line, session);
    case Command::kHelp:
      break;
  }
  session.out << Usage(session.language) << std::flush;
  return kExitDone;
}

}  // namespace

int Run(const CommandLine& line, Language language, Bell* bell, const std::atomic<int>* interrupted,
        std::ostream& out, std::ostream& err) {
  DescriptorKeyboard keyboard(STDIN_FILENO, line.pin_fd);
  Session session = {language, nullptr, &keyboard, bell, interrupted, out, err};
  if (line.command == Command::kHelp) return Dispatch(line, session);
  const auto connection = ConnectionOf(line, language);
  if (!connection.ok()) {
    if (line.command == Command::kCheck && line.json) PrintHindered(connection.status(), out);
    return Fail(connection.status(), session);
  }
  session.connection = connection->get();
  return Dispatch(line, session);
}

}  // namespace madoguchi::terminal
