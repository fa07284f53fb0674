#include "ui/terminal/command_line.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "ui/terminal/text.h"

namespace madoguchi::terminal {
namespace {

constexpr Phrase kNoCommand("コマンドを指定してください。", "Name a command.");
constexpr Phrase kUnknownCommand("コマンド「{}」はありません。", "There is no command \"{}\".");
constexpr Phrase kUnknownFlag("このコマンドに {} はありません。", "This command has no {}.");
constexpr Phrase kUnexpected("余分な引数です: {}", "Unexpected argument: {}");
constexpr Phrase kNeedsValue("{} には値が必要です。", "{} needs a value.");
constexpr Phrase kNoValue("{} に値は付けられません。", "{} takes no value.");
constexpr Phrase kMissing("{} を指定してください。", "{} is needed.");
constexpr Phrase kBadMethod("--method は英小文字・数字・_ の名前です（pin、visual など）。",
                            "--method is a name in a-z, 0-9 and _ (such as pin or visual).");
constexpr Phrase kBadRole("--role は staff、patient、admin のどれかです。",
                          "--role is staff, patient or admin.");
constexpr Phrase kBadFd("--pin-fd は開いている記述子の番号です（0 以上）。",
                        "--pin-fd is the number of an open descriptor (0 or more).");
constexpr Phrase kNoPinArgument(
    "暗証番号は引数にできません（ほかの利用者に見えるため）。端末で入力するか --pin-fd "
    "で渡してください。",
    "A PIN is never an argument: other users could see it. Type it at the terminal or hand it over "
    "with --pin-fd.");
constexpr Phrase kTwoDoors("--socket と --host・--device は同時に使えません。",
                           "--socket cannot go together with --host or --device.");
constexpr Phrase kHostNeedsDevice("--host には --device FILE も必要です。",
                                  "--host needs --device FILE as well.");
constexpr Phrase kDeviceCommands(
    "devices の後には list、add NAME、remove NAME のどれかが続きます。",
    "devices is followed by list, add NAME or remove NAME.");

constexpr Phrase kPluginCommands(
    "plugins の後には list、show NAME、approve NAME、revoke NAME、restart NAME、replace NAME "
    "のどれかが続きます。",
    "plugins is followed by list, show NAME, approve NAME, revoke NAME, restart NAME or replace "
    "NAME.");

// The arguments, taken one at a time.
class Arguments {
 public:
  Arguments(const std::vector<std::string>& all, Language language)
      : all_(all), language_(language) {}

  bool AtEnd() const { return next_ == all_.size(); }
  const std::string& Next() { return all_[next_++]; }
  absl::Status Wrong(const Phrase& phrase, std::initializer_list<std::string> values = {}) const {
    return absl::InvalidArgumentError(Fill(phrase, language_, values));
  }

 private:
  const std::vector<std::string>& all_;
  const Language language_;
  size_t next_ = 0;
};

struct Flag {
  const char* name;
  std::string* value = nullptr;
  bool* on = nullptr;
  std::vector<Command> commands = {};  // empty: all
};

std::optional<Command> CommandNamed(const std::string& word) {
  constexpr std::pair<const char*, Command> kCommands[] = {
      {"check", Command::kCheck},     {"patient", Command::kPatient},
      {"close", Command::kClose},     {"readers", Command::kReaders},
      {"doctor", Command::kDoctor},   {"counters", Command::kCounters},
      {"version", Command::kVersion}, {"--version", Command::kVersion},
      {"help", Command::kHelp},       {"--help", Command::kHelp},
      {"-h", Command::kHelp},
  };
  for (const auto& [name, command] : kCommands) {
    if (word == name) return command;
  }
  return std::nullopt;
}

bool IsMethod(const std::string& method) {
  return method.size() <= 32 && std::all_of(method.begin(), method.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

}  // namespace

absl::StatusOr<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments,
                                             Language language) {
  CommandLine line;
  std::string role, pin_fd;
  using enum Command;
  const std::vector<Flag> flags = {
      {.name = "--socket", .value = &line.socket},
      {.name = "--host", .value = &line.host},
      {.name = "--device", .value = &line.device},
      {.name = "--counter", .value = &line.counter, .commands = {kCheck, kPatient, kClose}},
      {.name = "--method", .value = &line.method, .commands = {kCheck}},
      {.name = "--pin-fd", .value = &pin_fd, .commands = {kCheck, kPatient}},
      {.name = "--json", .on = &line.json, .commands = {kCheck, kReaders, kPlugins, kDoctor}},
      {.name = "--same-card", .on = &line.same_card, .commands = {kCheck}},
      {.name = "--staff-only", .on = &line.staff_only, .commands = {kCheck}},
      {.name = "--yes", .on = &line.yes, .commands = {kCheck, kPluginsApprove, kPluginsReplace}},
      {.name = "--digest", .value = &line.digest, .commands = {kPluginsApprove, kPluginsReplace}},
      {.name = "--once", .on = &line.once, .commands = {kPatient}},
      {.name = "--watch", .on = &line.watch, .commands = {kReaders}},
      {.name = "--role", .value = &role, .commands = {kDevicesAdd}},
      {.name = "--out", .value = &line.out, .commands = {kDevicesAdd}},
      {.name = "--address", .value = &line.address, .commands = {kDevicesAdd}},
  };
  Arguments rest(arguments, language);
  std::vector<std::string> words;
  std::vector<const Flag*> given;
  while (!rest.AtEnd()) {
    const std::string argument = rest.Next();
    if (argument.size() < 2 || argument[0] != '-' || argument == "-h" || argument == "--help" ||
        argument == "--version") {
      words.push_back(argument);
      continue;
    }
    const size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    // The PIN itself is not repeated in the message.
    if (name == "--pin") return rest.Wrong(kNoPinArgument);
    const auto flag =
        std::find_if(flags.begin(), flags.end(), [&](const Flag& f) { return name == f.name; });
    if (flag == flags.end()) return rest.Wrong(kUnknownFlag, {name});
    given.push_back(&*flag);
    if (flag->on != nullptr) {
      if (equals != std::string::npos) return rest.Wrong(kNoValue, {name});
      *flag->on = true;
    } else if (equals != std::string::npos) {
      *flag->value = argument.substr(equals + 1);
    } else if (rest.AtEnd()) {
      return rest.Wrong(kNeedsValue, {name});
    } else {
      *flag->value = rest.Next();
    }
    if (flag->value != nullptr && flag->value->empty()) return rest.Wrong(kNeedsValue, {name});
  }

  if (words.empty()) return rest.Wrong(kNoCommand);
  size_t used = 1;
  if (words[0] == "devices") {
    const std::string what = words.size() > 1 ? words[1] : "";
    const bool named = what == "add" || what == "remove";
    if ((what != "list" && !named) || (named && words.size() < 3)) {
      return rest.Wrong(kDeviceCommands);
    }
    line.command = what == "list" ? kDevicesList : what == "add" ? kDevicesAdd : kDevicesRemove;
    if (named) line.name = words[2];
    used = named ? 3 : 2;
  } else if (words[0] == "plugins") {
    constexpr std::pair<const char*, Command> kNamed[] = {{"show", kPluginsShow},
                                                          {"approve", kPluginsApprove},
                                                          {"replace", kPluginsReplace},
                                                          {"revoke", kPluginsRevoke},
                                                          {"restart", kPluginsRestart}};
    const std::string what = words.size() > 1 ? words[1] : "list";
    line.command = kPlugins;
    used = std::min<size_t>(words.size(), 2);
    for (const auto& [word, command] : kNamed) {
      if (what == word && words.size() > 2) {
        line.command = command;
        line.name = words[2];
        used = 3;
      }
    }
    if (line.command == kPlugins && what != "list") return rest.Wrong(kPluginCommands);
  } else if (const auto command = CommandNamed(words[0])) {
    line.command = *command;
  } else {
    return rest.Wrong(kUnknownCommand, {words[0]});
  }
  if (line.command == kHelp) return line;
  if (words.size() > used) {
    // What follows might be a PIN that somebody typed as an argument: it is not repeated.
    return line.command == kCheck || line.command == kPatient
               ? rest.Wrong(kUnexpected, {"***"})
               : rest.Wrong(kUnexpected, {words[used]});
  }
  for (const Flag* flag : given) {
    const auto& commands = flag->commands;
    if (!commands.empty() &&
        std::find(commands.begin(), commands.end(), line.command) == commands.end()) {
      return rest.Wrong(kUnknownFlag, {flag->name});
    }
  }

  if (!line.socket.empty() && (!line.host.empty() || !line.device.empty())) {
    return rest.Wrong(kTwoDoors);
  }
  if (!line.host.empty() && line.device.empty()) return rest.Wrong(kHostNeedsDevice);
  if (line.command == kCheck && line.method.empty()) return rest.Wrong(kMissing, {"--method"});
  if (!IsMethod(line.method)) return rest.Wrong(kBadMethod);
  if (!pin_fd.empty()) {
    const char* const end = pin_fd.data() + pin_fd.size();
    const auto [stop, error] = std::from_chars(pin_fd.data(), end, line.pin_fd);
    if (error != std::errc() || stop != end || line.pin_fd < 0) return rest.Wrong(kBadFd);
  }
  if (line.command == kDevicesAdd) {
    if (role.empty()) return rest.Wrong(kMissing, {"--role"});
    if (line.out.empty()) return rest.Wrong(kMissing, {"--out"});
    if (role == "staff") line.role = check::v1::ROLE_STAFF;
    if (role == "patient") line.role = check::v1::ROLE_PATIENT;
    if (role == "admin") line.role = check::v1::ROLE_ADMIN;
    if (line.role == check::v1::ROLE_UNSPECIFIED) return rest.Wrong(kBadRole);
  }
  return line;
}

}  // namespace madoguchi::terminal
