// The kit itself, against plugins that are wrong on purpose: each fails exactly its row.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>

#include "sdk/conformance/exam.h"
#include "sdk/conformance/program.h"

namespace madoguchi::conformance {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// They wait more than they work.
constexpr int kAtOnce = 10;
constexpr char kOfReader[] = "plugin.cancel-honoured";
constexpr char kOfJail[] = "plugin.jail-fits";

std::string Bin(const std::string& program) { return fs::absolute("../bin/" + program); }

std::string PluginName(std::string row) {
  std::replace_if(
      row.begin(), row.end(), [](char c) { return c == '.' || c == '-'; }, '_');
  return row;
}

// What stands in for an authority: one byte to each that connects.
class ByteServer {
 public:
  explicit ByteServer(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    listening_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(listening_, 64), 0);
    thread_ = std::thread([this] {
      int fd;
      while ((fd = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0) {
        send(fd, "!", 1, MSG_NOSIGNAL);
        close(fd);
      }
    });
  }
  ~ByteServer() {
    shutdown(listening_, SHUT_RDWR);
    thread_.join();
    close(listening_);
  }

 private:
  int listening_;
  std::thread thread_;
};

class Kit : public testing::Test {
 protected:
  Kit() {
    char pattern[] = "/tmp/madoguchi-wrong-XXXXXX";
    folder_ = mkdtemp(pattern);
  }
  ~Kit() override { fs::remove_all(folder_); }

  // A plugin's folder: `name` is its fault.
  std::string Plugin(const std::string& name, const std::string& kind) const {
    const fs::path folder = fs::path(folder_) / name;
    fs::create_directory(folder);
    fs::create_symlink(fs::absolute("wrong_plugin"), folder / name);
    std::ofstream(folder / "plugin.textproto")
        << "name: '" << name << "' kind: KIND_" << kind << " version: '1.0.0' maker: 'Nobody'"
        << " setting { name: 'number' type: TYPE_INTEGER default_value: '7' }"
        << " setting { name: 'password' type: TYPE_STRING secret: true }"
        << (kind == "READER"
                ? " setting { name: 'directory' type: TYPE_SOCKET_FOLDER required: true }"
                  " permission: 'sockets'"
                : "")
        << (kind == "AUTHORITY" ? " setting { name: 'server' type: TYPE_SOCKET }" : "");
    return folder;
  }

  void MakeCard() {
    auto made = Program::Run({Bin("madoguchi-card"), "--dir", folder_ + "/card", "--make-only"},
                             folder_ + "/card.log", /*await_ready=*/false);
    ASSERT_TRUE(made.ok()) << made.status();
    ASSERT_EQ((*made)->Wait(), 0) << (*made)->Output();
  }

  Report Run(const std::string& name, const std::string& kind) const {
    Options options;
    options.folder = Plugin(name, kind);
    options.launcher = Bin("madoguchi-jail");
    if (kind != "POLICY") {
      options.card_folder = folder_ + "/card-" + name;
      fs::copy(folder_ + "/card", options.card_folder, fs::copy_options::recursive);
    }
    if (kind == "READER") {
      options.sim_card = "reader-0.sock";
      options.sim_card_binary = Bin("madoguchi-card");
    }
    if (kind == "AUTHORITY") options.settings["server"] = folder_ + "/server/socket";
    auto report = Examine(options);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *report : Report("none");
  }

  static std::vector<std::string> FailedRows(const Report& report) {
    std::vector<std::string> failed;
    for (const Row& row : report.rows()) {
      if (row.finding.outcome == Outcome::kFailed) failed.push_back(row.id);
    }
    return failed;
  }

  static Finding FindingOf(const Report& report, const std::string& id) {
    for (const Row& row : report.rows()) {
      if (row.id == id) return row.finding;
    }
    ADD_FAILURE() << "no row " << id;
    return {};
  }

  // The plugin without a fault passes whole, and for each row of `family` that it has there is one
  // that fails it and nothing else.
  void EachFailsItsRow(const std::string& right, const std::string& kind,
                       const std::set<std::string>& families) {
    const Report whole = Run(right, kind);
    EXPECT_THAT(FailedRows(whole), IsEmpty()) << whole.Text();
    // Not every kernel tells, and no build with a sanitizer.
    const bool tells = FindingOf(whole, kOfJail).outcome != Outcome::kSkipped;
    EXPECT_EQ(whole.CountOf(Outcome::kSkipped), tells ? 0 : 1) << whole.Text();
    std::vector<std::string> rows;
    for (const Row& row : whole.rows()) {
      // Only a reader has a call that lasts until it is cancelled.
      const bool ours = row.id == kOfReader
                            ? kind == "READER"
                            : families.count(row.id.substr(0, row.id.find('.'))) > 0;
      if (ours && (tells || row.id != kOfJail)) rows.push_back(row.id);
    }
    ASSERT_FALSE(rows.empty());
    // The last rows wait longest.
    std::reverse(rows.begin(), rows.end());
    std::atomic<size_t> next = 0;
    std::vector<std::thread> examiners;
    std::mutex mutex;
    for (int i = 0; i < kAtOnce; ++i) {
      examiners.emplace_back([&] {
        for (size_t at; (at = next++) < rows.size();) {
          const Report report = Run(PluginName(rows[at]), kind);
          const std::lock_guard<std::mutex> lock(mutex);
          EXPECT_THAT(FailedRows(report), ElementsAre(rows[at])) << report.Text();
          for (const Row& row : report.rows()) {
            if (row.finding.outcome != Outcome::kFailed) continue;
            EXPECT_NE(row.finding.detail, "") << row.id;
            EXPECT_NE(row.finding.advice, "") << row.id;
          }
        }
      });
    }
    for (std::thread& examiner : examiners) examiner.join();
  }

  std::string folder_;
};

TEST_F(Kit, FindsEachFaultOfAPolicyAndOfAnyPlugin) {
  EachFailsItsRow("right_policy", "POLICY", {"plugin", "policy", "log"});
}

// What a policy kept the walk from is no promise.
TEST_F(Kit, SkipsWhatAPolicyKeptItFromSeeing) {
  const struct {
    const char* name;
    const char* failed;
  } kTable[] = {{"policy_ask_drawable", "policy.ask-drawable"},
                {"right_policy_falls", "policy.answers"},
                {"right_policy_hangs", "policy.in-time"}};
  for (const auto& one : kTable) {
    const Report report = Run(one.name, "POLICY");
    EXPECT_THAT(FailedRows(report), ElementsAre(one.failed)) << report.Text();
    for (const char* id : {"policy.answers", "policy.in-time", "policy.steps-allowed",
                           "policy.finishes", "policy.pin-form", "policy.stray-evidence"}) {
      if (std::string(id) == one.failed) continue;
      const Finding finding = FindingOf(report, id);
      EXPECT_EQ(finding.outcome, Outcome::kSkipped) << one.name << " " << id;
      EXPECT_EQ(finding.detail, std::string("the walk stopped: see ") + one.failed);
    }
  }
}

TEST_F(Kit, SaysHowAPolicyFell) {
  const Report report = Run("right_policy_falls", "POLICY");
  const Finding answers = FindingOf(report, "policy.answers");
  EXPECT_THAT(answers.detail, HasSubstr("VISUAL_MATCH"));
  EXPECT_THAT(answers.detail,
              HasSubstr(": it was killed by SIG"));  // SIGILL, or SIGTRAP on other machines
  EXPECT_THAT(answers.detail, testing::EndsWith("; its log ends: about to fall"));
  EXPECT_THAT(answers.detail, Not(HasSubstr("UNAVAILABLE")));
  EXPECT_THAT(answers.advice, HasSubstr("ended by itself"));
  EXPECT_THAT(report.Text(), HasSubstr("\n  log\n        first\n        about to fall\n"));
  EXPECT_THAT(report.Json(), HasSubstr("\"log\": [\"first\", \"about to fall\"]"));
}

TEST_F(Kit, NamesTheCallsThatTheJailDeniedToAPolicy) {
  const Finding finding = FindingOf(Run("plugin_jail_fits", "POLICY"), kOfJail);
  if (finding.outcome == Outcome::kSkipped) GTEST_SKIP() << finding.detail;
  EXPECT_THAT(finding.detail, HasSubstr("unshare ("));
}

TEST_F(Kit, ShowsNoSecretOfAPolicysLog) {
  const Report report = Run("log_no_secret", "POLICY");
  EXPECT_THAT(report.Text(), HasSubstr("FAIL  log.no-secret"));
  EXPECT_THAT(report.Text(), HasSubstr("(a line that holds a value of the setting password)"));
  EXPECT_THAT(report.Text(), Not(HasSubstr("SYNTHETIC-SECRET")));
}

TEST_F(Kit, FindsEachFaultOfAReader) {
  MakeCard();
  EachFailsItsRow("right_reader", "READER", {"reader"});
}

TEST_F(Kit, FindsAPadThatWaitsForNobody) {
  MakeCard();
  const Report report = Run("right_reader_deaf_pad", "READER");
  EXPECT_THAT(FailedRows(report),
              ElementsAre("reader.pad-carried", "reader.pad-cancelled", "reader.pad-not-typed"))
      << report.Text();
}

TEST_F(Kit, FindsWhatAReaderShouldNotLog) {
  MakeCard();
  const struct {
    const char* name;
    const char* seen;
    std::vector<std::string> fails;
  } kTable[] = {
      // What was printed stays in the buffer of stdout as well.
      {"right_reader_logs_pins", "its log holds a PIN", {"reader.pin-wiped", "log.no-secret"}},
      {"right_reader_logs_apdus", "its log holds an APDU's data", {"log.no-secret"}}};
  for (const auto& row : kTable) {
    const Report report = Run(row.name, "READER");
    EXPECT_EQ(FailedRows(report), row.fails) << report.Text();
    EXPECT_THAT(report.Text(), testing::HasSubstr(row.seen));
  }
}

TEST_F(Kit, FindsEachFaultOfAnAuthority) {
  MakeCard();
  fs::create_directory(folder_ + "/server");
  const ByteServer server(folder_ + "/server/socket");
  EachFailsItsRow("right_authority", "AUTHORITY", {"authority"});
}

}  // namespace
}  // namespace madoguchi::conformance
