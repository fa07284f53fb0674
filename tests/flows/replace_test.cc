// A newer version of a plugin takes over while checks stand at each of their steps: none is lost,
// none spends a VERIFY more, and the next checks work with the new version.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "tests/flows/flow.h"

namespace madoguchi::clinic {
namespace {

using namespace check::v1;  // NOLINT: codes.
using desk::v1::PluginRow;
using testing::HasSubstr;

constexpr Point kPoints[] = {Point::kAskPin,  Point::kLayCard, Point::kLastTry,
                             Point::kReading, Point::kSigning, Point::kAskAuthority};
constexpr int kWindows = std::size(kPoints);

std::unique_ptr<Clinic> clinic;

class House : public testing::Environment {
 public:
  void SetUp() override {
    std::vector<Patient> patients;
    for (int i = 0; i < kWindows; ++i) patients.push_back({"p" + std::to_string(i)});
    clinic = MakeFlowClinic(kWindows, patients);
    // Checks are held while others are brought to their step, and all of them are to end well.
    auto* limits = clinic->config().mutable_limits();
    limits->set_apdu_ms(30000);
    limits->set_card_ms(60000);
    limits->set_authority_ms(30000);
    clinic->Start();
  }
  void TearDown() override { clinic.reset(); }
};

const auto* const house = testing::AddGlobalTestEnvironment(new House);

// Puts version `version` into the plugin's folder.
void Lay(const std::string& plugin, const std::string& version) {
  const std::filesystem::path path =
      std::filesystem::path(clinic->folder()) / "plugins" / plugin / "plugin.textproto";
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  const std::string changed = std::regex_replace(text.str(), std::regex("version: \"[^\"]*\""),
                                                 "version: \"" + version + "\"");
  ASSERT_NE(changed, text.str());
  std::ofstream(path, std::ios::trunc) << changed;
}

bool AwaitVersion(const std::string& plugin, const std::string& version) {
  return Await([&] {
    const PluginRow row = clinic->Plugin(plugin);
    return row.state() == PluginRow::STATE_RUNNING && row.version() == version;
  });
}

void ReplacedAtEachStep(const std::string& plugin, bool at_once) {
  std::vector<std::unique_ptr<Window>> windows;
  for (int i = 0; i < kWindows; ++i) {
    windows.push_back(std::make_unique<Window>(*clinic, i, "p" + std::to_string(i)));
    windows[i]->HoldAt(kPoints[i]);
  }
  const PluginRow before = clinic->Plugin(plugin);
  Lay(plugin, "7.0.0");
  clinic->Approve(plugin);
  if (at_once) {
    EXPECT_TRUE(AwaitVersion(plugin, "7.0.0")) << clinic->Plugin(plugin).DebugString();
    EXPECT_EQ(kill(before.pid(), 0), 0) << "checks still work with the old version";
  } else {
    EXPECT_TRUE(Await([&] { return !clinic->Plugin(plugin).next_digest().empty(); }));
    EXPECT_EQ(clinic->Plugin(plugin).pid(), before.pid());
  }
  for (const auto& window : windows) window->GoOn();
  for (int i = 0; i < kWindows; ++i) {
    const FailureCode code = windows[i]->AwaitCode();
    EXPECT_EQ(code, FAILURE_CODE_UNSPECIFIED)
        << NameOf(kPoints[i]) << ": " << FailureCode_Name(code);
    EXPECT_EQ(Number(windows[i]->card(), "verifies-total"), 1) << NameOf(kPoints[i]);
  }
  EXPECT_TRUE(AwaitVersion(plugin, "7.0.0")) << clinic->Plugin(plugin).DebugString();
  EXPECT_TRUE(Await([&] { return kill(before.pid(), 0) != 0; })) << "the old version stays";
  for (int i = 0; i < kWindows; ++i) EXPECT_TRUE(clinic->AwaitCard(i));
  for (const auto& window : windows) window->ExpectNextCheckWorks();
}

TEST(Replaced, PolicyAtEachStep) { ReplacedAtEachStep("policy_pin", true); }

TEST(Replaced, AuthorityAtEachStep) { ReplacedAtEachStep("authority_online", true); }

TEST(Replaced, ReaderAtEachStep) { ReplacedAtEachStep(ReaderPlugin(), false); }

TEST(Replaced, ByTheTerminalAsAnAdminDoes) {
  EXPECT_THAT(clinic->Madoguchi({"plugins", "replace", "policy_visual", "--yes"}).second,
              HasSubstr("runs as it lies there already"));
  Lay("policy_visual", "8.0.0");
  EXPECT_EQ(clinic->Madoguchi({"plugins", "replace", "policy_visual"}).first, 2);
  EXPECT_EQ(clinic->Plugin("policy_visual").version(), "0.1.0") << "nobody said yes";
  const auto [status, text] = clinic->Madoguchi({"plugins", "replace", "policy_visual", "--yes"});
  EXPECT_EQ(status, 0) << text;
  EXPECT_THAT(text, HasSubstr("Runs now"));
  EXPECT_THAT(text, HasSubstr("0.1.0"));
  EXPECT_THAT(text, HasSubstr("policy_visual is running"));
  EXPECT_EQ(clinic->Plugin("policy_visual").version(), "8.0.0");
  clinic->Revoke("policy_visual");
  EXPECT_TRUE(Await(
      [&] { return clinic->Plugin("policy_visual").state() == PluginRow::STATE_UNAPPROVED; }));
  EXPECT_THAT(clinic->Madoguchi({"plugins", "replace", "policy_visual", "--yes"}).second,
              HasSubstr("nothing to replace"));
}

}  // namespace
}  // namespace madoguchi::clinic
