#include "host/loader/plugins.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

using namespace check::v1;  // NOLINT: the codes.
using namespace std::chrono_literals;
using desk::v1::PluginRow;
using std::chrono::steady_clock;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kAsksForUsb[] = "kind: KIND_READER\npermission: 'usb'";

class PluginsTest : public testing::Test {
 protected:
  PluginsTest() : readers_(table_) {
    char folder[] = "/tmp/madoguchi-plugins-XXXXXX";
    folder_ = mkdtemp(folder);
    Install("1.0");
  }
  ~PluginsTest() override {
    plugins_.reset();
    std::filesystem::remove_all(folder_);
  }

  // The plugin "stays" as its maker's version `version` would lay it there.
  void Install(const std::string& version, const std::string& fields = "kind: KIND_POLICY") {
    std::filesystem::create_directories(folder_ + "/stays");
    std::ofstream(folder_ + "/stays/plugin.textproto", std::ios::trunc)
        << "name: 'stays' version: '" << version << "'\n"
        << fields;
    std::filesystem::copy_file(MADOGUCHI_TEST_PLUGIN, folder_ + "/stays/stays",
                               std::filesystem::copy_options::overwrite_existing);
  }
  void ChangeOneByte() {
    std::fstream file(folder_ + "/stays/stays", std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(-1, std::ios::end);
    const char last = static_cast<char>(file.get());
    file.seekp(-1, std::ios::end);
    file.put(static_cast<char>(last ^ 1));
  }
  // A host that starts, with what plugins.lock holds by now.
  void StartHost(const std::map<std::string, ConfiguredSetting>& settings = {}) {
    plugins_.reset();
    plugins_ = std::make_unique<Plugins>(
        std::vector<Plugins::Configured>{{"stays", {"host.textproto:3:1", settings}}},
        Plugins::Place{folder_, folder_, folder_, MADOGUCHI_LAUNCHER}, &readers_);
  }
  PluginRow Row() const { return plugins_->List().at(0); }
  PluginRow AwaitState(PluginRow::State state) const {
    const auto until = steady_clock::now() + 10s;
    while (Row().state() != state && steady_clock::now() < until) std::this_thread::sleep_for(2ms);
    return Row();
  }
  absl::Status Approve(const std::string& digest, const std::vector<std::string>& permissions = {},
                       const std::string& name = "stays") {
    desk::v1::ApprovePluginRequest request;
    request.set_name(name);
    request.set_digest(digest);
    for (const std::string& one : permissions) request.add_permission(one);
    return plugins_->Approve(request, "uid 1000", "2030-02-17T09:00:00Z");
  }

  void SwapWhileHostsStart(const std::string& here, const std::string& there);

  std::string folder_;
  ReaderTable table_;
  PluginReaders readers_;
  std::unique_ptr<Plugins> plugins_;
};

TEST_F(PluginsTest, OneThatNobodyApprovedIsShownAndNeverRuns) {
  Install("1.0", kAsksForUsb);
  StartHost();
  const PluginRow row = Row();
  EXPECT_EQ(row.state(), PluginRow::STATE_UNAPPROVED);
  EXPECT_EQ(row.detail(), "it is not approved");
  EXPECT_EQ(row.version(), "1.0");
  EXPECT_EQ(row.digest().size(), 64u);
  EXPECT_THAT(row.asked(), ElementsAre("usb"));
  EXPECT_EQ(row.pid(), -1);
  EXPECT_EQ(plugins_->LivesOf("stays")(), nullptr);
  EXPECT_EQ(CodeOf(plugins_->Restart("stays")), FAILURE_CODE_PLUGIN_NOT_APPROVED);
  EXPECT_EQ(CodeOf(plugins_->Revoke("stays")), FAILURE_CODE_PLUGIN_NOT_APPROVED);
}

TEST_F(PluginsTest, AnApprovalStartsItNowAndWithTheNextHost) {
  StartHost();
  ASSERT_TRUE(Approve(Row().digest()).ok());
  EXPECT_EQ(AwaitState(PluginRow::STATE_RUNNING).state(), PluginRow::STATE_RUNNING);
  EXPECT_FALSE(plugins_->TurnsAway(getpid()));
  EXPECT_EQ(Row().incident_size(), 0);
  EXPECT_TRUE(plugins_->TurnsAway(Row().pid()));
  ASSERT_EQ(Row().incident_size(), 1);
  EXPECT_EQ(Row().incident(0).what(), "knocked at the host's own door");
  StartHost();
  EXPECT_EQ(AwaitState(PluginRow::STATE_RUNNING).state(), PluginRow::STATE_RUNNING);
  const pid_t pid = Row().pid();
  ASSERT_TRUE(plugins_->Revoke("stays").ok());
  EXPECT_EQ(AwaitState(PluginRow::STATE_UNAPPROVED).state(), PluginRow::STATE_UNAPPROVED);
  EXPECT_NE(kill(pid, 0), 0);
  StartHost();
  EXPECT_EQ(Row().state(), PluginRow::STATE_UNAPPROVED);
}

TEST_F(PluginsTest, OnlyWhatWasShownIsApproved) {
  Install("1.0", kAsksForUsb);
  StartHost();
  const std::string shown = Row().digest();
  Install("1.1", kAsksForUsb);
  EXPECT_EQ(CodeOf(Approve(shown)), FAILURE_CODE_PLUGIN_CHANGED);
  const auto seen = plugins_->Inspect("stays");
  ASSERT_TRUE(seen.ok());
  EXPECT_EQ(seen->version(), "1.1");
  EXPECT_NE(seen->digest(), shown);
  EXPECT_THAT(seen->asked(), ElementsAre("usb"));
  EXPECT_EQ(seen->row().version(), "1.0");
  EXPECT_EQ(CodeOf(plugins_->Inspect("other").status()), FAILURE_CODE_PLUGIN_UNKNOWN);
  EXPECT_EQ(CodeOf(Approve("")), FAILURE_CODE_PLUGIN_CHANGED);
  EXPECT_EQ(Row().state(), PluginRow::STATE_UNAPPROVED);
  Install("1.0", kAsksForUsb);
  EXPECT_EQ(CodeOf(Approve(shown, {"serial:/dev/ttyS0"})), FAILURE_CODE_REQUEST_INVALID);
  EXPECT_EQ(CodeOf(Approve(shown, {"usb", "usb"})), FAILURE_CODE_REQUEST_INVALID);
  EXPECT_EQ(CodeOf(Approve(shown, {}, "other")), FAILURE_CODE_PLUGIN_UNKNOWN);
  EXPECT_TRUE(Approve(shown).ok());
  EXPECT_TRUE(Row().granted().empty()) << "asked for is not granted";
}

TEST_F(PluginsTest, OneByteThatChangedBeforeTheStartKeepsItFromRunning) {
  StartHost();
  ASSERT_TRUE(Approve(Row().digest()).ok());
  ChangeOneByte();
  StartHost();
  EXPECT_EQ(Row().state(), PluginRow::STATE_UNAPPROVED);
  EXPECT_THAT(Row().detail(), HasSubstr("changed since"));
  ChangeOneByte();  // back
  StartHost();
  EXPECT_EQ(AwaitState(PluginRow::STATE_RUNNING).state(), PluginRow::STATE_RUNNING);
}

TEST_F(PluginsTest, AChangedManifestIsAnotherPlugin) {
  StartHost();
  ASSERT_TRUE(Approve(Row().digest()).ok());
  std::ofstream(folder_ + "/stays/plugin.textproto", std::ios::app) << "\n";
  StartHost();
  EXPECT_EQ(Row().state(), PluginRow::STATE_UNAPPROVED);
}

TEST_F(PluginsTest, WhatRunsStaysWhatWasApprovedWhateverLiesInItsFolder) {
  StartHost();
  ASSERT_TRUE(Approve(Row().digest()).ok());
  const PluginRow first = AwaitState(PluginRow::STATE_RUNNING);
  ASSERT_GT(first.pid(), 0);
  ChangeOneByte();
  ASSERT_TRUE(plugins_->Restart("stays").ok());
  const auto until = steady_clock::now() + 10s;
  while (Row().pid() == first.pid() && steady_clock::now() < until) {
    std::this_thread::sleep_for(2ms);
  }
  const PluginRow again = AwaitState(PluginRow::STATE_RUNNING);
  EXPECT_EQ(again.state(), PluginRow::STATE_RUNNING) << again.detail();
  EXPECT_EQ(again.digest(), first.digest());
  // The bytes themselves, as the kernel runs them.
  std::filesystem::copy_file("/proc/" + std::to_string(again.pid()) + "/exe", folder_ + "/ran");
  std::ifstream ran(folder_ + "/ran", std::ios::binary);
  std::ifstream approved(MADOGUCHI_TEST_PLUGIN, std::ios::binary);
  EXPECT_TRUE(std::equal(std::istreambuf_iterator<char>(ran), {},
                         std::istreambuf_iterator<char>(approved), {}));
}

TEST_F(PluginsTest, WhatTheConfigurationDoesNotNameIsListedAndNeverRuns) {
  StartHost();
  std::filesystem::create_directories(folder_ + "/astray");
  std::ofstream(folder_ + "/astray/plugin.textproto")
      << "name: 'astray' kind: KIND_READER version: '2.0' maker: 'Strangers'";
  std::filesystem::copy_file(MADOGUCHI_TEST_PLUGIN, folder_ + "/astray/astray");
  std::filesystem::create_directories(folder_ + "/broken");
  std::ofstream(folder_ + "/broken/plugin.textproto") << "nonsense";
  std::filesystem::create_directories(folder_ + "/no plugin");
  const auto rows = plugins_->List();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].name(), "stays");
  EXPECT_EQ(rows[1].name(), "astray");
  EXPECT_EQ(rows[1].state(), PluginRow::STATE_UNUSED);
  EXPECT_EQ(rows[1].maker(), "Strangers");
  EXPECT_EQ(rows[1].kind(), plugin::v1::KIND_READER);
  EXPECT_EQ(rows[1].detail(), "the configuration does not name it");
  EXPECT_EQ(rows[2].name(), "broken");
  EXPECT_EQ(rows[2].state(), PluginRow::STATE_UNUSED);
  EXPECT_THAT(rows[2].detail(), HasSubstr("broken/plugin.textproto:1:"));
  EXPECT_EQ(CodeOf(Approve(std::string(64, 'a'), {}, "astray")), FAILURE_CODE_PLUGIN_UNKNOWN);
  for (const absl::Status& status : {plugins_->Inspect("astray").status(),
                                     plugins_->Revoke("astray"), plugins_->Restart("astray")}) {
    const Failure failure = FailureOf(status, FAILURE_CODE_UNSPECIFIED);
    EXPECT_EQ(failure.code(), FAILURE_CODE_PLUGIN_UNKNOWN);
    EXPECT_THAT(failure.detail(), HasSubstr("add plugin { name: \"astray\" } to the config"));
  }
  EXPECT_EQ(FailureOf(plugins_->Revoke("nobody"), FAILURE_CODE_UNSPECIFIED).detail(), "nobody");
}

// Nobody need ever write into it.
TEST_F(PluginsTest, APipeWhereAManifestShouldBeHoldsNothingUp) {
  std::filesystem::create_directories(folder_ + "/astray");
  ASSERT_EQ(mkfifo((folder_ + "/astray/plugin.textproto").c_str(), 0600), 0);
  std::filesystem::remove(folder_ + "/stays/plugin.textproto");
  ASSERT_EQ(mkfifo((folder_ + "/stays/plugin.textproto").c_str(), 0600), 0);
  StartHost();
  const auto rows = plugins_->List();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].state(), PluginRow::STATE_REFUSED);
  EXPECT_EQ(rows[0].detail(), folder_ + "/stays/plugin.textproto: not a regular file");
  EXPECT_EQ(rows[1].state(), PluginRow::STATE_UNUSED);
  EXPECT_EQ(rows[1].detail(), folder_ + "/astray/plugin.textproto: not a regular file");
  EXPECT_THAT(plugins_->Inspect("stays")->problem(), HasSubstr("not a regular file"));
  EXPECT_EQ(CodeOf(Approve(std::string(64, 'a'))), FAILURE_CODE_PLUGIN_BROKEN);
}

TEST_F(PluginsTest, AManifestIsAtMost64KiB) {
  const auto install = [&](const std::string& name, size_t size) {
    std::string text = "name: '" + name + "' kind: KIND_POLICY version: '1.0'\n";
    text.resize(size, '#');
    std::filesystem::create_directories(folder_ + "/" + name);
    std::ofstream(folder_ + "/" + name + "/plugin.textproto", std::ios::trunc) << text;
    std::filesystem::copy_file(MADOGUCHI_TEST_PLUGIN, folder_ + "/" + name + "/" + name,
                               std::filesystem::copy_options::overwrite_existing);
  };
  install("astray", 64 * 1024);
  install("endless", 64 * 1024 + 1);
  install("stays", 64 * 1024 + 1);
  StartHost();
  const auto rows = plugins_->List();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].state(), PluginRow::STATE_REFUSED);
  EXPECT_THAT(rows[0].detail(), HasSubstr("stays/plugin.textproto: larger than 64 KiB"));
  EXPECT_EQ(rows[1].detail(), "the configuration does not name it");
  EXPECT_THAT(rows[2].detail(), HasSubstr("endless/plugin.textproto: larger than 64 KiB"));
  EXPECT_THAT(plugins_->Inspect("stays")->problem(), HasSubstr("larger than 64 KiB"));
  EXPECT_EQ(CodeOf(Approve(std::string(64, 'a'))), FAILURE_CODE_PLUGIN_BROKEN);
}

TEST_F(PluginsTest, AScriptIsRefusedWithASentence) {
  std::ofstream(folder_ + "/stays/stays", std::ios::trunc) << "#!/bin/sh\nexec sleep 60\n";
  StartHost();
  EXPECT_EQ(Row().state(), PluginRow::STATE_REFUSED);
  EXPECT_THAT(Row().detail(), HasSubstr("expected an ELF program"));
  EXPECT_THAT(plugins_->Inspect("stays")->problem(), HasSubstr("expected an ELF program"));
  EXPECT_EQ(CodeOf(Approve(std::string(64, 'a'))), FAILURE_CODE_PLUGIN_BROKEN);
  EXPECT_EQ(CodeOf(plugins_->Restart("stays")), FAILURE_CODE_PLUGIN_BROKEN);
}

TEST_F(PluginsTest, WhatItsKindMayNotHaveIsAFaultOfTheManifest) {
  Install("1.0", "kind: KIND_POLICY\npermission: 'network'");
  StartHost();
  const PluginRow row = Row();
  EXPECT_EQ(row.state(), PluginRow::STATE_REFUSED);
  EXPECT_EQ(row.detail(), folder_ +
                              "/stays/plugin.textproto:3:1: permission \"network\": only an "
                              "authority may ask for network");
  EXPECT_EQ(row.version(), "1.0");
  EXPECT_EQ(plugins_->Inspect("stays")->problem(), row.detail());
  EXPECT_TRUE(plugins_->Inspect("stays")->digest().empty());
  EXPECT_EQ(CodeOf(Approve(row.digest(), {"network"})), FAILURE_CODE_PLUGIN_BROKEN);
  EXPECT_EQ(CodeOf(Approve(row.digest())), FAILURE_CODE_PLUGIN_BROKEN);
}

TEST_F(PluginsTest, TheHostsOwnFoldersAreNoPlaceForAPluginsSockets) {
  Install("1.0",
          "kind: KIND_READER permission: 'sockets' setting { name: 'cards' "
          "type: TYPE_SOCKET_FOLDER }");
  StartHost({{"cards", {folder_, "host.textproto:4:9"}}});
  const absl::Status approved = Approve(Row().digest(), {"sockets"});
  EXPECT_EQ(CodeOf(approved), FAILURE_CODE_PLUGIN_BROKEN) << approved;
  EXPECT_THAT(std::string(FailureOf(approved, FAILURE_CODE_UNSPECIFIED).detail()),
              HasSubstr("host.textproto:4:9"));
}

TEST_F(PluginsTest, ABrokenLockApprovesNothingAndSaysWhere) {
  std::ofstream(folder_ + "/plugins.lock") << "approval {";
  StartHost();
  EXPECT_EQ(Row().state(), PluginRow::STATE_UNAPPROVED);
  EXPECT_THAT(Row().detail(), HasSubstr("plugins.lock:1:"));
  EXPECT_EQ(CodeOf(Approve(Row().digest())), FAILURE_CODE_PLUGINS_NOT_SAVED);
}

// `here` and `there` take turns at their places as fast as they can, while hosts start: what runs
// is what was approved, whole, or nothing.
void PluginsTest::SwapWhileHostsStart(const std::string& here, const std::string& there) {
  std::atomic<bool> ended = false;
  std::thread swapping([&] {
    while (!ended) renameat2(AT_FDCWD, here.c_str(), AT_FDCWD, there.c_str(), RENAME_EXCHANGE);
  });
  int ran = 0, refused = 0;
  for (int i = 0; i < 40; ++i) {
    StartHost();
    const PluginRow row = Row();
    if (row.state() == PluginRow::STATE_UNAPPROVED || row.state() == PluginRow::STATE_REFUSED) {
      ++refused;
      continue;
    }
    ++ran;
    EXPECT_EQ(row.version(), "1.0");
    if (AwaitState(PluginRow::STATE_RUNNING).pid() <= 0) continue;
    const std::string exe = "/proc/" + std::to_string(Row().pid()) + "/exe";
    std::error_code gone;
    EXPECT_EQ(std::filesystem::file_size(exe, gone),
              std::filesystem::file_size(MADOGUCHI_TEST_PLUGIN));
  }
  ended = true;
  swapping.join();
  EXPECT_EQ(ran + refused, 40);
}

TEST_F(PluginsTest, ASwapOfTheProgramDuringTheReadingIsNoticed) {
  StartHost();
  ASSERT_TRUE(Approve(Row().digest()).ok());
  const std::string good = folder_ + "/stays/stays", other = folder_ + "/other";
  std::filesystem::copy_file(good, other);
  std::ofstream(other, std::ios::app) << "more";
  SwapWhileHostsStart(good, other);
}

TEST_F(PluginsTest, ASwapOfTheWholeFolderDuringTheReadingIsNoticed) {
  StartHost();
  ASSERT_TRUE(Approve(Row().digest()).ok());
  const std::string other = folder_ + "/other";
  std::filesystem::copy(folder_ + "/stays", other, std::filesystem::copy_options::recursive);
  std::ofstream(other + "/stays", std::ios::app) << "more";
  std::ofstream(other + "/plugin.textproto", std::ios::trunc)
      << "name: 'stays' kind: KIND_POLICY version: '2.0'";
  SwapWhileHostsStart(folder_ + "/stays", other);
}

TEST_F(PluginsTest, AFolderInThePlaceOfTheApprovedOneChangesNothingForWhatRuns) {
  StartHost();
  ASSERT_TRUE(Approve(Row().digest()).ok());
  const PluginRow first = AwaitState(PluginRow::STATE_RUNNING);
  std::filesystem::rename(folder_ + "/stays", folder_ + "/before");
  Install("2.0");
  ASSERT_TRUE(plugins_->Restart("stays").ok());
  const auto until = steady_clock::now() + 10s;
  while (Row().pid() == first.pid() && steady_clock::now() < until) {
    std::this_thread::sleep_for(2ms);
  }
  const PluginRow again = AwaitState(PluginRow::STATE_RUNNING);
  EXPECT_EQ(again.version(), "1.0");
  EXPECT_EQ(again.digest(), first.digest());
  StartHost();
  EXPECT_EQ(Row().state(), PluginRow::STATE_UNAPPROVED);
}

}  // namespace
}  // namespace madoguchi
