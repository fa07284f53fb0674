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

constexpr Phrase kUsage(
    R"(使い方: madoguchi コマンド [オプション]

  check --method pin|visual   資格を確認する
      --counter NAME          窓口（一つだけなら省略可）
      --json                  結果を check.v1.Verdict の JSON で標準出力に一行（途中経過は標準エラー出力）
      --pin-fd N              暗証番号を記述子 N から一行ずつ読む（引数では渡せない）
      --staff-only            患者側の操作は別の画面で行う
      --same-card             「置かれているのはこの患者のカード」と答える
      --yes                   写真の確認に「はい」と答える（試験用。実際の窓口では使わない）
      終了コード: 0 有効、1 無効など、2 確認できない、64 使い方の誤り
  patient [--counter NAME] [--once] [--pin-fd N]
                              患者用の画面（--once: 一件が閉じられたら終わる）
  close [--counter NAME]      窓口に残っている確認を取り消して閉じる
  readers [--watch] [--json]  カードリーダーの一覧
  plugins [list] [--json]     プラグインの一覧
  plugins show NAME           プラグインの作成者、求める権限、ダイジェスト、最近のログ
  plugins approve NAME [--digest HEX] [--yes]
                              内容を確かめて承認し、動かす（管理者。--yes: たずねない）
  plugins replace NAME [--digest HEX] [--yes]
                              動いているものを、置かれた新しい版に入れ替える（進んでいる確認は失われない。管理者）
  plugins revoke NAME         承認を取り消して止める（管理者）
  plugins restart NAME        動かし直す（管理者）
  counters                    窓口の一覧
  devices list                登録された端末の一覧
  devices add NAME --role staff|patient|admin --out FILE [--address HOST:PORT]
                              端末を登録し、その端末ファイルを書く
  devices remove NAME         端末の登録を消す
  version                     版を表示する
  help                        この説明

接続先:
  --socket PATH               この機械の窓口システム（省略時 $MADOGUCHI_SOCKET、
                              $XDG_RUNTIME_DIR/madoguchi/desk.sock、/run/madoguchi/desk.sock）
  --device FILE [--host ADDRESS]
                              ほかの機械の窓口システム（端末ファイルで接続）
)",
    R"(Usage: madoguchi COMMAND [FLAGS]

  check --method pin|visual   check one patient's insurance
      --counter NAME          the counter; not needed where there is only one
      --json                  the verdict as one line of JSON (check.v1.Verdict) on standard
                              output, the progress on standard error
      --pin-fd N              read PINs from descriptor N, one a line (never an argument)
      --staff-only            the patient has a screen of their own
      --same-card             answer that the card that lies there is this patient's
      --yes                   answer yes to the photo question; for trials, not for a real counter
      exit status: 0 eligible, 1 not eligible, 2 cannot tell, 64 wrong usage
  patient [--counter NAME] [--once] [--pin-fd N]
                              the patient's screen; --once: until one check was closed
  close [--counter NAME]      cancel and close the check that stands at a counter
  readers [--watch] [--json]  the card readers
  plugins [list] [--json]     the plugins
  plugins show NAME           a plugin's maker, the permissions it asks for, its digest, its log
  plugins approve NAME [--digest HEX] [--yes]
                              look at it, say yes to it, and run it (admin; --yes: do not ask)
  plugins replace NAME [--digest HEX] [--yes]
                              let the version that lies there take over from the one that runs;
                              no check under way is lost (admin)
  plugins revoke NAME         take the approval back, and stop it (admin)
  plugins restart NAME        stop and start it (admin)
  counters                    the counters
  devices list                the registered devices
  devices add NAME --role staff|patient|admin --out FILE [--address HOST:PORT]
                              register a device and write its device file
  devices remove NAME         strike a device off
  version                     show the version
  help                        show this

Where the host is:
  --socket PATH               on this machine; by default $MADOGUCHI_SOCKET, else
                              $XDG_RUNTIME_DIR/madoguchi/desk.sock, else /run/madoguchi/desk.sock
  --device FILE [--host ADDRESS]
                              on another machine, with a device file
)");

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
      {"check", Command::kCheck},       {"patient", Command::kPatient},
      {"close", Command::kClose},       {"readers", Command::kReaders},
      {"counters", Command::kCounters}, {"version", Command::kVersion},
      {"--version", Command::kVersion}, {"help", Command::kHelp},
      {"--help", Command::kHelp},       {"-h", Command::kHelp},
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
      {.name = "--json", .on = &line.json, .commands = {kCheck, kReaders, kPlugins}},
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

std::string Usage(Language language) { return kUsage.In(language); }

}  // namespace madoguchi::terminal
