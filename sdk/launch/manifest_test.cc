#include "sdk/launch/manifest.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace madoguchi {
namespace {

class ManifestTest : public testing::Test {
 protected:
  ManifestTest() {
    char folder[] = "/tmp/madoguchi-manifest-XXXXXX";
    base_ = mkdtemp(folder);
    folder_ = base_ + "/policy_test";
    std::filesystem::create_directory(folder_);
    Write(folder_ + "/policy_test", "#!/bin/true\n");
    std::filesystem::permissions(folder_ + "/policy_test", std::filesystem::perms::owner_all);
  }
  ~ManifestTest() override { std::filesystem::remove_all(base_); }

  static void Write(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
  }
  absl::StatusOr<PluginFolder> Read(const std::string& text) {
    Write(folder_ + "/plugin.textproto", text);
    return ReadPluginFolder(folder_);
  }
  static plugin::v1::Manifest Declaring(plugin::v1::SettingDeclaration::Type type,
                                        const std::string& default_value = "",
                                        bool required = false, bool secret = false) {
    plugin::v1::Manifest manifest;
    manifest.set_name("policy_test");
    auto* setting = manifest.add_setting();
    setting->set_name("value");
    setting->set_type(type);
    setting->set_default_value(default_value);
    setting->set_required(required);
    setting->set_secret(secret);
    return manifest;
  }

  std::string base_, folder_;
};

const std::string kHead = "name: 'policy_test' kind: KIND_POLICY version: '1.0.0' ";

TEST_F(ManifestTest, AFolderInOrder) {
  const auto read = Read(kHead + "setting { name: 'a' type: TYPE_STRING }");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->binary, folder_ + "/policy_test");
  EXPECT_TRUE(ReadPluginFolder(folder_ + "/").ok());
}

TEST_F(ManifestTest, EveryMessageNamesTheFileAndWhatWasExpected) {
  const struct {
    std::string text, says;
  } cases[] = {
      {"name: 'policy_test'\nkind: KIND_PRINTER", ":2:7: "},
      {"name: 'policy_test'\n\n  colour: 1", ":3:9: "},
      {"name: 'Policy'", "expected a lower-case letter"},
      {"name: 'other' kind: KIND_POLICY version: '1'", "expected the folder's name"},
      {"name: 'policy_test' version: '1'", "kind is missing; expected"},
      {"name: 'policy_test' kind: KIND_POLICY", "version is missing; expected"},
      {kHead + "binary: '../../bin/sh'", "expected a file name in the folder"},
      {kHead + "binary: '..'", "expected the plugin's program"},
      {kHead + "binary: 'plugin.textproto'", "expected the plugin's program"},
      {kHead + "binary: 'none'", "expected the plugin's program"},
      {kHead + "\nsetting { name: 'A' type: TYPE_STRING }",
       ":2:11: a setting is named \"A\"; expected"},
      {kHead + "\n setting { name: 'a' }", ":2:2: setting a has no type; expected"},
      {kHead + "setting { name: 'a' type: TYPE_STRING } setting { name: 'a' type: TYPE_FILE }",
       "setting a is declared twice"},
      {kHead + "\nsetting { name: 'a' type: TYPE_FILE default_value: 'state/host-key.pem' }",
       ":2:37: setting a is a TYPE_FILE and has a default_value; expected none"},
      {kHead + "setting { name: 'a' type: TYPE_SOCKET }", "a policy reaches no"},
  };
  for (const auto& one : cases) {
    const auto read = Read(one.text);
    ASSERT_FALSE(read.ok()) << one.text;
    const std::string message(read.status().message());
    EXPECT_EQ(message.rfind(folder_, 0), 0u) << message;
    EXPECT_NE(message.find(one.says), std::string::npos) << message;
  }
  std::filesystem::remove(folder_ + "/plugin.textproto");
  EXPECT_EQ(ReadPluginFolder(folder_).status().code(), absl::StatusCode::kNotFound);
}

// Whoever writes the manifest would otherwise choose what the host opens.
TEST_F(ManifestTest, APlaceOfTheMachineHasNoDefault) {
  using Declaration = plugin::v1::SettingDeclaration;
  const std::string head = "name: 'policy_test' kind: KIND_READER version: '1.0.0'\n";
  for (const auto type :
       {Declaration::TYPE_FILE, Declaration::TYPE_SOCKET, Declaration::TYPE_SOCKET_FOLDER,
        Declaration::TYPE_SERIAL, Declaration::TYPE_BUS}) {
    const std::string name = Declaration::Type_Name(type);
    const std::string setting = "setting { name: 'a' type: " + name;
    EXPECT_TRUE(Read(head + setting + " }").ok());
    const auto read = Read(head + setting + "\n default_value: '/run/a' }");
    ASSERT_FALSE(read.ok()) << name;
    const std::string message(read.status().message());
    EXPECT_NE(message.find(":3:2: setting a is a " + name + " and has a default_value"),
              std::string::npos)
        << message;
  }
}

TEST_F(ManifestTest, APolicyHasNoSettingThatOpensItsJail) {
  using Declaration = plugin::v1::SettingDeclaration;
  for (const auto type : {Declaration::TYPE_SOCKET, Declaration::TYPE_SOCKET_FOLDER,
                          Declaration::TYPE_SERIAL, Declaration::TYPE_BUS}) {
    const std::string name = Declaration::Type_Name(type);
    const auto read = Read(kHead + "\nsetting { name: 'a'\n type: " + name + " }");
    ASSERT_FALSE(read.ok()) << name;
    const std::string message(read.status().message());
    EXPECT_NE(message.find(":3:2: setting a is a " + name + ", and a policy reaches no"),
              std::string::npos)
        << message;
  }
  EXPECT_TRUE(Read(kHead + "setting { name: 'a' type: TYPE_FILE }").ok());
}

// A plugin's part of a configuration in which it stands at line 7 and its settings at line 8.
ConfiguredPlugin With(const std::map<std::string, std::string>& values) {
  ConfiguredPlugin configured{"clinic:7:1", {}};
  for (const auto& [name, value] : values) configured.setting[name] = {value, "clinic:8:3"};
  return configured;
}

TEST_F(ManifestTest, SettingsAreDeliveredWithTheirDefaults) {
  using Declaration = plugin::v1::SettingDeclaration;
  const auto manifest = Declaring(Declaration::TYPE_INTEGER, "4");
  EXPECT_EQ(Settle(manifest, With({}), base_)->setting().at("value"), "4");
  EXPECT_EQ(Settle(manifest, With({{"value", "-16"}}), base_)->setting().at("value"), "-16");
}

TEST_F(ManifestTest, AFileIsDeliveredAsItsBytes) {
  using Declaration = plugin::v1::SettingDeclaration;
  Write(base_ + "/key", std::string("\0bytes", 6));
  const auto manifest = Declaring(Declaration::TYPE_FILE);
  EXPECT_EQ(Settle(manifest, With({{"value", "key"}}), base_)->setting().at("value").size(), 6u);
  EXPECT_EQ(Settle(manifest, With({{"value", base_ + "/key"}}), "/")->setting().at("value").size(),
            6u);
  const auto missing = Settle(manifest, With({{"value", "none"}}), base_);
  EXPECT_NE(missing.status().message().find(base_ + "/none"), std::string::npos);
}

TEST_F(ManifestTest, WrongValuesNameThePluginTheSettingAndWhatWasExpected) {
  using Declaration = plugin::v1::SettingDeclaration;
  const struct {
    plugin::v1::Manifest manifest;
    std::map<std::string, std::string> values;
    std::string says;
  } cases[] = {
      {Declaring(Declaration::TYPE_INTEGER), {{"value", "four"}}, "\"four\"; expected a whole"},
      {Declaring(Declaration::TYPE_INTEGER), {{"value", "4 "}}, "expected a whole number"},
      {Declaring(Declaration::TYPE_INTEGER),
       {{"value", "99999999999999999999"}},
       "expected a whole number"},
      {Declaring(Declaration::TYPE_BOOLEAN), {{"value", "yes"}}, "expected true or false"},
      {Declaring(Declaration::TYPE_SERIAL),
       {{"value", "/dev/ttyUSB0 ttyUSB1"}},
       "expected absolute paths of serial devices"},
      {Declaring(Declaration::TYPE_SERIAL), {{"value", "/dev/../etc"}}, "expected absolute paths"},
      {Declaring(Declaration::TYPE_STRING, "", /*required=*/true), {}, "it is required"},
      {Declaring(Declaration::TYPE_STRING), {{"other", "1"}}, "other is not declared"},
  };
  for (const auto& one : cases) {
    const auto settled = Settle(one.manifest, With(one.values), base_);
    ASSERT_FALSE(settled.ok()) << one.says;
    const std::string message(settled.status().message());
    const std::string place = one.values.empty() ? "clinic:7:1" : "clinic:8:3";
    EXPECT_EQ(message.rfind(place + ": plugin policy_test: setting ", 0), 0u) << message;
    EXPECT_NE(message.find(one.says), std::string::npos) << message;
  }
}

TEST_F(ManifestTest, NoFolderOfSocketsHoldsWhatIsTheHostsOwn) {
  using Declaration = plugin::v1::SettingDeclaration;
  const std::string state = base_ + "/clinic/state", sockets = base_ + "/clinic/sockets";
  for (const std::string& one : {state, sockets}) std::filesystem::create_directories(one);
  std::filesystem::create_directory_symlink(state, base_ + "/link");
  Write(state + "/a.sock", "");
  std::filesystem::create_symlink(state + "/a.sock", sockets + "/b.sock");
  const std::vector<std::string> own = {state, base_ + "/clinic/plugins", base_ + "/clinic"};
  const auto settled = [&](Declaration::Type type, const std::string& value) {
    return Settle(Declaring(type), With({{"value", value}}), base_ + "/clinic", own).status();
  };
  for (const std::string& folder :
       {state, state + "/", base_ + "/clinic", base_, std::string("/"), std::string("."),
        std::string(".."), base_ + "/link", std::string("plugins")}) {
    const absl::Status refused = settled(Declaration::TYPE_SOCKET_FOLDER, folder);
    ASSERT_FALSE(refused.ok()) << folder;
    const std::string message(refused.message());
    EXPECT_EQ(message.rfind("clinic:8:3: plugin policy_test: setting value is \"", 0), 0u)
        << message;
    EXPECT_NE(message.find("; expected a folder of its own"), std::string::npos) << message;
    EXPECT_FALSE(settled(Declaration::TYPE_SOCKET, folder + "/a.sock").ok()) << folder;
  }
  EXPECT_FALSE(settled(Declaration::TYPE_SOCKET, "sockets/b.sock").ok()) << "where it leads to";
  EXPECT_TRUE(settled(Declaration::TYPE_SOCKET, "sockets/a.sock").ok());
  EXPECT_TRUE(settled(Declaration::TYPE_SOCKET_FOLDER, "sockets").ok());
  EXPECT_TRUE(settled(Declaration::TYPE_SOCKET_FOLDER, "state2").ok());
}

TEST_F(ManifestTest, ASecretIsNotRepeatedInAMessage) {
  using Declaration = plugin::v1::SettingDeclaration;
  const auto settled = Settle(Declaring(Declaration::TYPE_INTEGER, "", false, /*secret=*/true),
                              With({{"value", "hunter2"}}), base_);
  ASSERT_FALSE(settled.ok());
  EXPECT_EQ(settled.status().message().find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace madoguchi
