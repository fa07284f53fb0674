// The files that a person writes or installs: configuration, manifests, approvals, imports.
#include <gmock/gmock.h>

#include <fstream>

#include "sdk/textproto/textproto.h"
#include "tests/flows/flow.h"

namespace madoguchi::clinic {
namespace {

using namespace check::v1;  // NOLINT: codes and outcomes.
using namespace desk::v1;   // NOLINT: the plugins' rows.
using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;

class Files : public testing::Test {
 protected:
  void Make(const std::vector<Patient>& patients = {}) { clinic_ = MakeFlowClinic(1, patients); }
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = clinic_->folder() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  // Runs `program` with `arguments` to its end.
  std::pair<std::optional<int>, std::string> Run(const std::string& program,
                                                 std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), Clinic::Bin() + "/" + program);
    auto ran = Program::Run(arguments, clinic_->folder() + "/log/run", false);
    if (!ran.ok()) return {};
    const auto status = (*ran)->Wait();
    return {status, (*ran)->Output()};
  }
  std::unique_ptr<Clinic> clinic_;
};

TEST_F(Files, ABrokenConfigurationIsNamedWithItsLine) {
  Make();
  const struct {
    const char *text, *where, *what;
  } kRows[] = {
      {"host_id: \"a\"\nstate_folder: 7\n", ":2:15:", "string"},
      {"host_id: \"a\"\nvisual_alowed: true\n", ":2:", "visual_alowed"},
      {"host_id: \"a\"\nlimits { apdu_ms: -1 }\n", ":2:", "integer"},
      {"host_id: \"a\"\ndesk {\n", ":3:1:", "Expected"},
      {"host_id: \"a\"\n", "", "expected a path"},
  };
  for (const auto& row : kRows) {
    const std::string path = Write("broken.textproto", row.text);
    const auto [status, output] = Run("madoguchid", {"--config", path});
    EXPECT_EQ(status, 78) << row.text;
    EXPECT_THAT(output, AllOf(HasSubstr(path + row.where), HasSubstr(row.what))) << row.text;
  }
  const auto [status, output] = Run("madoguchid", {"--config", "/nowhere.textproto"});
  EXPECT_EQ(status, 78);
  EXPECT_THAT(output, HasSubstr("/nowhere.textproto"));
}

TEST_F(Files, AReaderOfNoPluginIsNamed) {
  Make();
  clinic_->config().mutable_counter(0)->add_reader("reader_unheard/One");
  std::string text = clinic_->config().DebugString();
  const auto [status, output] = Run("madoguchid", {"--config", Write("host.textproto", text)});
  EXPECT_EQ(status, 78);
  EXPECT_THAT(output, AllOf(HasSubstr("reader_unheard/One"), HasSubstr("expected")));
}

// One bad entry never stops the host: it stands in the list with its reason.
TEST_F(Files, ABrokenManifestIsShownAndTheOthersRun) {
  Make({{"hanako"}});
  const std::string manifest = clinic_->folder() + "/plugins/policy_visual/plugin.textproto";
  std::ofstream(manifest) << "name: \"policy_visual\"\nkind: KIND_SORCERER\n";
  clinic_->StartAuthority();
  clinic_->StartHost();
  const auto row = clinic_->Plugin("policy_visual");
  EXPECT_EQ(row.state(), PluginRow::STATE_REFUSED);
  EXPECT_THAT(row.detail(), AllOf(HasSubstr(manifest + ":2:"), HasSubstr("KIND_SORCERER")));
  for (const std::string& name : {std::string("policy_pin"), std::string("authority_online")}) {
    EXPECT_TRUE(Await([&] { return clinic_->Plugin(name).state() == PluginRow::STATE_RUNNING; }));
  }
  EXPECT_TRUE(clinic_->AwaitCard(0, false));
  Window window(*clinic_, 0, "hanako");
  window.ExpectNextCheckWorks();
  EXPECT_TRUE(window.staff().Close().ok());
  EXPECT_TRUE(window.staff().Begin("visual").ok());
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_POLICY_FAILED);
}

TEST_F(Files, ASettingThatDoesNotFitIsNamedWithItsLine) {
  Make({{"hanako"}});
  for (auto& plugin : *clinic_->config().mutable_plugin()) {
    if (plugin.name() != "policy_pin") continue;
    plugin.clear_setting();
    auto* const setting = plugin.add_setting();
    setting->set_name("pin_longest");
    setting->set_value("four");
  }
  clinic_->StartAuthority();
  clinic_->StartHost();
  const auto row = clinic_->Plugin("policy_pin");
  EXPECT_EQ(row.state(), PluginRow::STATE_REFUSED);
  EXPECT_THAT(row.detail(),
              MatchesRegex(clinic_->folder() + "/host\\.textproto:[0-9]+:[0-9]+: .*"
                                               "pin_longest is \"four\"; expected a whole number"));
}

TEST_F(Files, APluginRunsWhenAnAdminSaidYesToIt) {
  Make({{"hanako"}});
  clinic_->Start();
  Window window(*clinic_, 0, "hanako");
  EXPECT_EQ(clinic_->Madoguchi({"plugins", "revoke", "policy_pin"}).first, 0);
  EXPECT_TRUE(
      Await([&] { return clinic_->Plugin("policy_pin").state() == PluginRow::STATE_UNAPPROVED; }));
  EXPECT_TRUE(Await([&] {
    return ReadFile(clinic_->folder() + "/log/host")
               ->find("plugin policy_pin: not approved: it is not approved\n") != std::string::npos;
  }));
  EXPECT_TRUE(window.staff().Begin("pin").ok());
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_POLICY_FAILED);
  EXPECT_TRUE(window.staff().Close().ok());
  const auto [shown, text] = clinic_->Madoguchi({"plugins", "show", "policy_pin"});
  EXPECT_EQ(shown, 0);
  EXPECT_THAT(text, HasSubstr("not approved"));
  // Nobody at the keyboard is a no.
  EXPECT_EQ(clinic_->Madoguchi({"plugins", "approve", "policy_pin"}).first, 2);
  const auto [other, changed] = clinic_->Madoguchi(
      {"plugins", "approve", "policy_pin", "--digest", std::string(64, '0'), "--yes"});
  EXPECT_EQ(other, 2);
  EXPECT_THAT(changed, HasSubstr("PLUGIN_CHANGED"));
  EXPECT_EQ(clinic_->Plugin("policy_pin").state(), PluginRow::STATE_UNAPPROVED);
  const auto [yes, running] = clinic_->Madoguchi({"plugins", "approve", "policy_pin", "--yes"});
  EXPECT_EQ(yes, 0) << running;
  EXPECT_THAT(running, HasSubstr("policy_pin is running"));
  window.ExpectNextCheckWorks();
  const int pid = clinic_->Plugin("policy_pin").pid();
  EXPECT_EQ(clinic_->Madoguchi({"plugins", "restart", "policy_pin"}).first, 0);
  EXPECT_NE(clinic_->Plugin("policy_pin").pid(), pid);
  EXPECT_EQ(clinic_->Madoguchi({"plugins", "restart", "nobody"}).first, 2);
}

TEST_F(Files, TwoHostsDoNotShareAStateFolder) {
  Make({{"hanako"}});
  clinic_->StartAuthority();
  clinic_->StartHost();
  host::Config other = clinic_->config();
  other.mutable_desk()->set_socket("other.sock");
  const auto [status, output] =
      Run("madoguchid", {"--config", Write("other.textproto", other.DebugString())});
  EXPECT_EQ(status, 69);
  EXPECT_THAT(output, AllOf(HasSubstr(clinic_->config().state_folder()), HasSubstr("stop it")));
}

TEST_F(Files, ABrokenImportIsNamedAndChangesNothing) {
  Make({{"hanako"}});
  clinic_->Start();
  const std::string path = Write("broken_persons.textproto",
                                 "person { certificate: \"hanako/auth.pem\" validity: "
                                 "VALIDITY_INVALID\n  eligibility { name: \"試験　花子\" } }\n"
                                 "person {\n  certificate: 5\n}\n");
  const auto [status, output] =
      Run("madoguchi-authority",
          {"import", "--config", clinic_->folder() + "/authority.textproto", path});
  EXPECT_EQ(status, 65) << output;
  EXPECT_THAT(output, AllOf(HasSubstr("broken_persons.textproto:4:"), HasSubstr("string")));
  EXPECT_EQ(output.find("花子"), std::string::npos);
  Window window(*clinic_, 0, "hanako");
  window.ExpectNextCheckWorks();  // Hanako is as valid as before.
}

}  // namespace
}  // namespace madoguchi::clinic
