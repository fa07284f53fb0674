#include "host/config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>

namespace madoguchi {
namespace {

// What each line of a configuration that is in order says.
const std::pair<const char*, const char*> kGood[] = {
    {"host", "host_id: 'host.example'"},
    {"state", "state_folder: 'state'"},
    {"plugins", "plugin_folder: 'plugins'"},
    {"anchors", "trust_anchors: 'pki/ca.pem'"},
    {"desk", "desk { socket: 'desk.sock' address: '127.0.0.1:0' }"},
    {"authority", "authority { plugin: 'online' id: 'authority.example' }"},
    {"pcsc", "plugin { name: 'pcsc' }"},
    {"online", "plugin { name: 'online' }"},
    {"policy", "plugin { name: 'policy_pin' }"},
    {"method", "method { id: 'pin' plugin: 'policy_pin' }"},
    {"counter", "counter { name: '1' reader: 'pcsc/a reader' }"},
    {"limits", "limits { pin_held_ms: 60000 apdu_ms: 700 }"},
};

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    char folder[] = "/tmp/madoguchi-config-XXXXXX";
    folder_ = mkdtemp(folder);
    std::filesystem::create_directory(folder_ + "/plugins");
  }
  ~ConfigTest() override { std::filesystem::remove_all(folder_); }

  // The good configuration with one line changed, or left out where `line` is empty.
  absl::StatusOr<host::Config> With(const std::string& which, const std::string& line) {
    path_ = folder_ + "/clinic.textproto";
    std::ofstream file(path_);
    for (const auto& [name, good] : kGood) file << (which == name ? line : good) << "\n";
    file.close();
    places_ = std::make_unique<TextPlaces>();
    return ReadConfig(path_, places_.get());
  }
  void Install(const std::string& name, const std::string& kind) {
    const std::string plugin = folder_ + "/plugins/" + name;
    std::filesystem::create_directory(plugin);
    std::ofstream(plugin + "/plugin.textproto")
        << "name: '" << name << "' version: '1.0' kind: " << kind;
    std::ofstream(plugin + "/" + name) << "a program";
    std::filesystem::permissions(plugin + "/" + name, std::filesystem::perms::owner_all);
  }

  std::string folder_, path_;
  std::unique_ptr<TextPlaces> places_;  // of what With read last
};

TEST_F(ConfigTest, PathsAreRelativeToTheFile) {
  const auto config = With("", "");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->state_folder(), folder_ + "/state");
  EXPECT_EQ(config->plugin_folder(), folder_ + "/plugins");
  EXPECT_EQ(With("plugins", "plugin_folder: '/tmp'")->plugin_folder(), "/tmp");
  EXPECT_EQ(config->trust_anchors(), folder_ + "/pki/ca.pem");
  EXPECT_EQ(config->desk().socket(), folder_ + "/desk.sock");
}

TEST_F(ConfigTest, EveryMessageNamesTheFileThePlaceAndWhatWasExpected) {
  const struct {
    const char *which, *line, *says;
  } cases[] = {
      {"host", "host_id: 7", ":1:10: Expected string"},
      {"state", "state_foldr: 'x'", ":2:12: "},
      {"host", "", "host_id is missing; expected"},
      {"state", "", "state_folder is missing; expected"},
      {"plugins", "", "plugin_folder is missing; expected"},
      {"plugins", "plugin_folder: 'nowhere'", "/nowhere; expected a folder that is there"},
      {"plugins", "plugin_folder: 'clinic.textproto'", "expected a folder that is there"},
      {"anchors", "", "trust_anchors is missing; expected"},
      {"desk", "", "desk.socket is missing; expected"},
      {"desk", "desk { socket: 's' address: 'localhost' }", ":5:20: desk.address is"},
      {"desk", "desk { socket: 's' address: ':80' }", "expected host:port"},
      {"desk", "desk { socket: 's' address: 'a:70000' }", "expected host:port"},
      {"desk", "desk { socket: 's' address: 'a:12b' }", "expected host:port"},
      {"desk", "desk { socket: 's' local_user { uid: 5 } }",
       ":5:20: desk.local_user 5 has no role; expected"},
      {"authority", "authority { plugin: 'onlin' id: 'a' }",
       "authority.plugin is \"onlin\"; expected one of the plugins"},
      {"authority", "authority { plugin: 'online' }", "authority.id is missing"},
      {"pcsc", "plugin { name: 'online' }", "plugin \"online\" stands there twice"},
      {"pcsc", "plugin { name: '../pcsc' }", "plugin \"../pcsc\"; expected the name"},
      {"pcsc", "plugin {}", "plugin \"\"; expected the name"},
      {"pcsc", "plugin { name: 'pcsc' setting { name: 'a' } setting { name: 'a' } }",
       "setting a of the plugin \"pcsc\" stands there twice"},
      {"method", "", "no method; expected"},
      {"method", "method { plugin: 'policy_pin' }", "method \"\" is empty or"},
      {"method", "method { id: 'pin' plugin: 'policy' }", "method \"pin\" names the plugin"},
      {"counter", "", "no counter; expected"},
      {"counter", "counter {}", "counter \"\" is empty or"},
      {"counter", "counter { name: '1' } counter { name: '1' }",
       ":11:33: counter \"1\" is empty or"},
      {"counter", "counter { name: '1' reader: 'pcsc' }", "expected PLUGIN/READER"},
      {"counter", "counter { name: '1' reader: 'nfc/a' }", "expected PLUGIN/READER"},
      {"limits", "limits { pin_held_ms: 60001 }", ":12:10: limits.pin_held_ms is above 60000"},
  };
  for (const auto& one : cases) {
    const auto config = With(one.which, one.line);
    ASSERT_FALSE(config.ok()) << one.line;
    const std::string message(config.status().message());
    EXPECT_EQ(message.rfind(path_, 0), 0u) << message;
    EXPECT_NE(message.find(one.says), std::string::npos) << message << " for " << one.line;
  }
  TextPlaces places;
  const auto missing = ReadConfig(folder_ + "/none", &places);
  EXPECT_NE(missing.status().message().find(folder_ + "/none"), std::string::npos);
}

TEST_F(ConfigTest, APluginOfAnotherKindIsNamedWhereItStands) {
  Install("pcsc", "KIND_READER");
  Install("online", "KIND_AUTHORITY");
  Install("policy_pin", "KIND_POLICY");
  const auto config = With("", "");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_TRUE(MisplacedPlugins(*config, *places_).empty());
  Install("pcsc", "KIND_POLICY");
  Install("online", "KIND_READER");
  Install("policy_pin", "KIND_AUTHORITY");
  const auto wrong = MisplacedPlugins(*config, *places_);
  ASSERT_EQ(wrong.size(), 3u);
  EXPECT_EQ(wrong[0], path_ +
                          ":10:20: method \"pin\" names the plugin \"policy_pin\", which is a "
                          "KIND_AUTHORITY; expected a KIND_POLICY");
  EXPECT_EQ(wrong[1], path_ +
                          ":6:13: authority names the plugin \"online\", which is a KIND_READER; "
                          "expected a KIND_AUTHORITY");
  EXPECT_EQ(wrong[2], path_ +
                          ":11:21: counter \"1\" names the plugin \"pcsc\", which is a "
                          "KIND_POLICY; expected a KIND_READER");
  std::filesystem::remove_all(folder_ + "/plugins/pcsc");
  EXPECT_EQ(MisplacedPlugins(*config, *places_).size(), 2u);
}

// The list of plugins says what is the matter with them; the host starts.
TEST_F(ConfigTest, AManifestThatCannotBeReadHoldsNoStartUp) {
  const auto config = With("", "");
  ASSERT_TRUE(config.ok()) << config.status();
  std::filesystem::create_directory(folder_ + "/plugins/policy_pin");
  ASSERT_EQ(mkfifo((folder_ + "/plugins/policy_pin/plugin.textproto").c_str(), 0600), 0);
  Install("online", "KIND_READER");
  std::ofstream(folder_ + "/plugins/online/plugin.textproto", std::ios::app)
      << "\n"
      << std::string(64 * 1024, '#');
  EXPECT_TRUE(MisplacedPlugins(*config, *places_).empty());
}

// A path that is cut would be another socket.
TEST_F(ConfigTest, TheWholePathOfTheSocketMustFit) {
  const std::string fits(107 - folder_.size() - 1, 's');
  EXPECT_TRUE(With("desk", "desk { socket: '" + fits + "' }").ok());
  const auto longer = With("desk", "desk { socket: '" + fits + "s' }");
  ASSERT_FALSE(longer.ok());
  EXPECT_NE(longer.status().message().find("at most 107 bytes"), std::string::npos);
}

TEST_F(ConfigTest, LimitsThatAreNotSetKeepTheirDefault) {
  const Limits limits = LimitsOf(With("", "")->limits());
  EXPECT_EQ(limits.apdu.count(), 700);
  EXPECT_EQ(limits.pin_held.count(), 60000);
  EXPECT_EQ(limits.policy, Limits().policy);
}

}  // namespace
}  // namespace madoguchi
