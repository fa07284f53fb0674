#include "tests/leak/cases.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>

#include "tests/clinic/clinic.h"
#include "tests/leak/exit_stop.h"

namespace madoguchi::leak {
namespace {

using clinic::Await;
using clinic::Card;
using clinic::Clinic;
using clinic::Program;
using desk::v1::PluginRow;

const std::vector<std::string> kCheck = {"check", "--counter", "1", "--method", "pin"};
constexpr int kEligible = 0, kCannotTell = 2;  // exit statuses of `madoguchi check`

// Whoever makes no core file shall do so on their own account.
void AllowCoreFiles() {
  rlimit limit{};
  getrlimit(RLIMIT_CORE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_CORE, &limit);
}

// One clinic, one patient with a canary as PIN, and at most one screen.
class Window {
 public:
  explicit Window(uint32_t apdu_ms = 0) : canary_(Canary()), typed_(canary_) {
    AllowCoreFiles();
    Clinic::Options options;
    options.kind = KindOfThisRun();
    options.readers = 1;
    options.patients = {{"hanako", canary_}};
    clinic_ = Clinic::Make(options);
    host::Config& config = clinic_->config();
    config.mutable_limits()->set_apdu_ms(apdu_ms);
    for (auto& plugin : *config.mutable_plugin()) {
      if (plugin.name() != "policy_pin") continue;
      for (const auto& [name, value] :
           {std::pair("pin_shortest", "16"), {"pin_longest", "16"}, {"pin_digits", "false"}}) {
        auto* const setting = plugin.add_setting();
        setting->set_name(name);
        setting->set_value(value);
      }
    }
    clinic_->Start();
  }
  ~Window() {
    stop_.reset();
    host_stop_.reset();
    screen_.reset();
    if (terminal_ >= 0) close(terminal_);
  }

  Clinic& clinic() { return *clinic_; }
  std::string Log() const { return screen_ == nullptr ? "" : screen_->Output(); }

  void Lay(const std::vector<std::string>& flags = {}) {
    card_ = clinic_->Lay("hanako", 0, flags);
    EXPECT_TRUE(clinic_->AwaitCard(0));
  }
  Card& card() { return *card_; }

  // The patient will type something else than the card's PIN.
  void TypeWrongly() { typed_ = Canary(); }

  // Runs `madoguchi COMMAND` with the PIN on descriptor 5, `more` behind it, and `answers` on
  // standard input.
  void Open(std::vector<std::string> command, const std::string& answers = "",
            const std::string& more = "") {
    const std::string path = clinic_->folder() + "/answers";
    std::ofstream(path) << answers;
    command.insert(command.end(), {"--pin-fd", "5"});
    Run("exec \"$@\" <\"$0\"", path, command, typed_ + more + "\n");
  }
  // The same with a terminal in which the PIN is typed as soon as it is hidden there.
  void CheckInTerminal() {
    terminal_ = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    ASSERT_TRUE(grantpt(terminal_) == 0 && unlockpt(terminal_) == 0);
    Run("exec setsid --ctty \"$@\" <\"$0\"", ptsname(terminal_), kCheck, "");
    EXPECT_TRUE(Await([&] {
      termios now{};
      return tcgetattr(terminal_, &now) == 0 && (now.c_lflag & ECHO) == 0;
    })) << Log();
    Trace();
    const std::string line = typed_ + "\n";
    EXPECT_EQ(write(terminal_, line.data(), line.size()), static_cast<ssize_t>(line.size()));
  }
  // From now on the screen stands still at its end.
  void Trace() {
    auto stop = ExitStop::Seize(screen_->pid());
    ASSERT_TRUE(stop.ok()) << stop.status();
    stop_ = *std::move(stop);
  }
  void Check(const std::string& answers = "") {
    Open(kCheck, answers);
    Trace();
  }
  Program& screen() { return *screen_; }

  // Waits for the screen's end, at which it stands from now on. `status` as from waitpid.
  void AwaitEnd(int status) {
    const auto ended = stop_->Await();
    ASSERT_TRUE(ended.ok()) << ended.status() << screen_->Output();
    EXPECT_EQ(*ended, status) << screen_->Output();
    at_end_ = true;
  }

  // The host ends, and stands at its end from now on.
  void AbortHost() {
    auto stop = ExitStop::Seize(clinic_->host().pid());
    ASSERT_TRUE(stop.ok()) << stop.status();
    host_stop_ = *std::move(stop);
    clinic_->host().Signal(SIGABRT);
    const auto ended = host_stop_->Await();
    EXPECT_TRUE(ended.ok() && *ended == SIGABRT) << "a core file is not among what it leaves";
  }

  Findings Search() const {
    const std::vector<Needle> needles = NeedlesOf(typed_);
    Findings findings;
    const auto add = [&](const std::string& name, const absl::StatusOr<Found>& found) {
      EXPECT_TRUE(found.ok()) << name << ": " << found.status();
      if (found.ok()) findings.emplace_back(name, *found);
    };
    const auto add_process = [&](const std::string& name, pid_t pid) {
      add(name, SearchProcess(pid, needles));
      // A gRPC program has more than this even before its first call.
      EXPECT_GT(findings.back().second.bytes_read, 5000000u) << name;
    };
    if (screen_ != nullptr) {
      add("madoguchi", at_end_ ? SearchStopped(screen_->pid(), needles)
                               : SearchProcess(screen_->pid(), needles));
    }
    add_process("madoguchi-authority", clinic_->authority()->pid());
    if (host_stop_ != nullptr) {
      add("madoguchid", SearchStopped(clinic_->host().pid(), needles));
    } else {
      add_process("madoguchid", clinic_->host().pid());
      std::string rows;
      for (const auto& plugin : clinic_->config().plugin()) {
        const PluginRow row = clinic_->Plugin(plugin.name());
        rows += row.SerializeAsString();
        add_process(plugin.name(), row.pid());
      }
      add("plugin logs", SearchBytes({rows.data(), rows.size()}, "the plugins' rows", needles));
    }
    add("files", SearchFolder(clinic_->folder(), needles));
    return findings;
  }

  // What the search finds in the reader's process at this moment.
  size_t HitsInReader() const {
    const auto found = SearchProcess(clinic_->Plugin(ReaderName()).pid(), NeedlesOf(typed_));
    return found.ok() ? found->hits.size() : 0;
  }

 private:
  void Run(const std::string& script, const std::string& input,
           const std::vector<std::string>& command, const std::string& fd5_text) {
    std::vector<std::string> arguments = {"/bin/sh", "-c", script, input,
                                          Clinic::Bin() + "/madoguchi"};
    arguments.insert(arguments.end(), command.begin(), command.end());
    arguments.insert(arguments.end(), {"--socket", clinic_->folder() + "/desk.sock"});
    auto screen = Program::Run(arguments, clinic_->folder() + "/log/screen", false, fd5_text);
    ASSERT_TRUE(screen.ok()) << screen.status();
    screen_ = *std::move(screen);
  }

  const std::string canary_;
  std::string typed_;
  std::unique_ptr<Clinic> clinic_;
  std::unique_ptr<Card> card_;
  std::unique_ptr<Program> screen_;
  std::unique_ptr<ExitStop> stop_, host_stop_;
  bool at_end_ = false;
  int terminal_ = -1;  // the test's end of it
};

int Exited(int status) { return status << 8; }

// Commands that came to the card up to and with the first VERIFY that has a PIN; 0: none yet.
int CommandsToVerify(const Card& card) {
  std::istringstream trace(card.Trace());
  int commands = 0;
  for (std::string line; std::getline(trace, line);) {
    commands += line.starts_with(">");
    if (line.starts_with(">") && line.find('*') != std::string::npos) return commands;
  }
  return 0;
}

// The same for a card that nobody has spoken to.
int VerifyNumber() {
  static const int number = [] {
    Window window;
    window.Lay();
    window.Check();
    window.AwaitEnd(Exited(kEligible));
    return CommandsToVerify(window.card());
  }();
  EXPECT_GT(number, 0);
  return number;
}

Findings Success() {
  Window window;
  window.Lay();
  window.Check();
  window.AwaitEnd(Exited(kEligible));
  EXPECT_GT(CommandsToVerify(window.card()), 0);
  return window.Search();
}

// The patient's own screen, which stays open.
Findings PatientsScreen() {
  Window window;
  window.Lay();
  const auto staff = window.clinic().Staff();
  window.Open({"patient", "--counter", "1"});
  EXPECT_TRUE(staff->Begin("pin").ok());
  EXPECT_EQ(staff->AwaitVerdict().outcome(), check::v1::OUTCOME_ELIGIBLE) << window.Log();
  return window.Search();
}

Findings Terminal() {
  Window window;
  window.Lay();
  window.CheckInTerminal();
  window.AwaitEnd(Exited(kEligible));
  return window.Search();
}

// What is typed is no PIN; the second prompt finds nothing on descriptor 5.
Findings TooLong() {
  Window window;
  window.Open(kCheck, "", "0123");
  window.Trace();
  window.AwaitEnd(Exited(kCannotTell));
  return window.Search();
}

// The second prompt finds nothing on descriptor 5: the screen cancels.
Findings WrongPin() {
  Window window;
  window.TypeWrongly();
  window.Lay();
  window.Check();
  window.AwaitEnd(Exited(kCannotTell));
  EXPECT_GT(CommandsToVerify(window.card()), 0);
  return window.Search();
}

Findings LastTryDeclined() {
  Window window;
  window.Lay({"--fault", "tries-left=1"});
  window.Check("n\n");
  window.AwaitEnd(Exited(kCannotTell));
  EXPECT_NE(window.Log().find("PIN_LAST_TRY_DECLINED"), std::string::npos) << window.Log();
  return window.Search();
}

// While the host holds the PIN sealed and waits for the card.
void TypeAndAwaitCard(Window* window) {
  const auto staff = window->clinic().Staff();
  window->Open(kCheck);
  EXPECT_EQ(staff->AwaitStage(desk::v1::STAGE_LAY_CARD).stage(), desk::v1::STAGE_LAY_CARD);
}

Findings Held() {
  Window window;
  TypeAndAwaitCard(&window);
  return window.Search();
}

Findings Cancelled() {
  Window window;
  TypeAndAwaitCard(&window);
  window.Trace();
  window.screen().Signal(SIGINT);
  window.AwaitEnd(Exited(kCannotTell));
  return window.Search();
}

Findings ScreenEndedBy(int signal) {
  Window window;
  TypeAndAwaitCard(&window);
  window.Trace();
  window.screen().Signal(signal);
  // Without WCOREFLAG: there is no core file.
  window.AwaitEnd(signal);
  return window.Search();
}

Findings HostAborted() {
  Window window;
  TypeAndAwaitCard(&window);
  window.AbortHost();
  const Findings findings = window.Search();
  window.screen().Signal(SIGKILL);  // It would wait for the host to come again.
  return findings;
}

Findings Pulled() {
  const int verify = VerifyNumber();
  Window window;
  window.Lay({"--fault", "pulled-before=" + std::to_string(verify)});
  window.Check();
  window.AwaitEnd(Exited(kCannotTell));
  EXPECT_NE(window.Log().find("CARD_GONE"), std::string::npos) << window.Log();
  return window.Search();
}

// The card does not answer the VERIFY: the host gives up, and the card is taken away.
Findings Silent() {
  const int verify = VerifyNumber();
  Window window(500);
  window.Lay({"--fault", "silent-from=" + std::to_string(verify)});
  window.Check();
  window.AwaitEnd(Exited(kCannotTell));
  EXPECT_NE(window.Log().find("CARD_SILENT"), std::string::npos) << window.Log();
  EXPECT_GT(CommandsToVerify(window.card()), 0);
  window.card().Take();
  EXPECT_TRUE(window.clinic().AwaitCard(0, false));
  // The reader's thread notices on its own.
  Findings findings;
  Await(
      [&] {
        findings = window.Search();
        for (const auto& [name, found] : findings) {
          if (name == ReaderName() && !found.hits.empty()) return false;
        }
        return true;
      },
      std::chrono::seconds(3));
  return findings;
}

Findings ReaderKilled() {
  const int verify = VerifyNumber();
  Window window;
  window.Lay({"--fault", "silent-from=" + std::to_string(verify)});
  const PluginRow before = window.clinic().Plugin(ReaderName());
  window.Check();
  EXPECT_TRUE(Await([&] { return CommandsToVerify(window.card()) > 0; })) << window.Log();
  // It must be there now, in the secure heap: the search sees that too.
  EXPECT_GT(window.HitsInReader(), 0u);
  EXPECT_GT(before.pid(), 0) << "the reader plugin does not run";
  // -1 would be everybody.
  EXPECT_EQ(before.pid() > 0 ? kill(before.pid(), SIGKILL) : -1, 0);
  window.AwaitEnd(Exited(kCannotTell));
  EXPECT_NE(window.Log().find("READER_LOST"), std::string::npos) << window.Log();
  EXPECT_TRUE(Await([&] {
    const PluginRow row = window.clinic().Plugin(ReaderName());
    return row.state() == PluginRow::STATE_RUNNING && row.pid() != before.pid();
  }));
  return window.Search();
}

}  // namespace

std::string ReaderName() {
  return PluginOf(KindOfThisRun());
}

const std::vector<Case>& Cases() {
  static const auto* const cases = new std::vector<Case>{
      {"Success", Success},
      {"PatientsScreen", PatientsScreen},
      {"Terminal", Terminal},
      {"TooLong", TooLong},
      {"WrongPin", WrongPin},
      {"LastTryDeclined", LastTryDeclined},
      {"Held", Held},
      {"Cancelled", Cancelled},
      {"Pulled", Pulled},
      {"Silent", Silent},
      {"ReaderKilled", ReaderKilled},
      {"HostAborted", HostAborted},
      {"ScreenAborted", [] { return ScreenEndedBy(SIGABRT); }},
      {"ScreenFaulted", [] { return ScreenEndedBy(SIGSEGV); }},
  };
  return *cases;
}

std::string Row(const std::string& name, const Findings& findings) {
  std::string row = name + ":";
  for (const auto& [where, found] : findings) {
    row += " " + where + " " + std::to_string(found.hits.size()) + "/" +
           std::to_string(found.bytes_read >> 20) + "M";
  }
  return row;
}

}  // namespace madoguchi::leak
