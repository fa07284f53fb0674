#ifndef MADOGUCHI_UI_TERMINAL_COMMANDS_H_
#define MADOGUCHI_UI_TERMINAL_COMMANDS_H_

#include <atomic>
#include <iostream>

#include "absl/status/status.h"
#include "sdk/screen/connect.h"
#include "ui/terminal/bell.h"
#include "ui/terminal/command_line.h"
#include "ui/terminal/keyboard.h"
#include "ui/terminal/language.h"

// One function for each command. Each returns the program's exit status.
namespace madoguchi::terminal {

// `check`: 0 eligible, 1 not eligible, 2 cannot tell. `doctor`: 0 nothing found, 1 something found,
// 2 not examined. All others: 0 done, 2 not done.
inline constexpr int kExitDone = 0;
inline constexpr int kExitNotEligible = 1;
inline constexpr int kExitFound = 1;
inline constexpr int kExitFailed = 2;
inline constexpr int kExitUsage = 64;

// What a command runs with. Everything outlives the command; nothing here is owned.
struct Session {
  Language language;
  screen::DeskConnection* connection;
  Keyboard* keyboard;
  Bell* bell;
  const std::atomic<int>* interrupted;
  std::ostream& out;
  std::ostream& err;
};

int RunCheck(const CommandLine& line, const Session& session);
int RunPatient(const CommandLine& line, const Session& session);
int RunClose(const CommandLine& line, const Session& session);
int RunReaders(const CommandLine& line, const Session& session);
// 0 nothing is wrong, 1 something was found, 2 could not examine.
int RunDoctor(const CommandLine& line, const Session& session);
int RunPlugins(const CommandLine& line, const Session& session);
int RunPluginsShow(const CommandLine& line, const Session& session);
int RunPluginsApprove(const CommandLine& line, const Session& session);
int RunPluginsRevoke(const CommandLine& line, const Session& session);
int RunPluginsRestart(const CommandLine& line, const Session& session);
int RunCounters(const CommandLine& line, const Session& session);
int RunDevicesList(const CommandLine& line, const Session& session);
int RunDevicesAdd(const CommandLine& line, const Session& session);
int RunDevicesRemove(const CommandLine& line, const Session& session);
int RunVersion(const CommandLine& line, const Session& session);

// Says on `err` what happened and what to do now, and returns kExitFailed. A status without a
// failure is HOST_UNREACHABLE.
int Fail(const absl::Status& status, const Session& session);

// The verdict of a check that `why` hindered, as one line of JSON on `out`. For failures before
// there is a session; returns kExitFailed.
int PrintHindered(const absl::Status& why, std::ostream& out);

// The whole program but the descriptors and signals: parses, connects, runs.
int Run(const CommandLine& line, Language language, Bell* bell, const std::atomic<int>* interrupted,
        std::ostream& out, std::ostream& err);

}  // namespace madoguchi::terminal

#endif  // MADOGUCHI_UI_TERMINAL_COMMANDS_H_
