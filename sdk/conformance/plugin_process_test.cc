#include "sdk/conformance/plugin_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace madoguchi::conformance {
namespace {

using testing::HasSubstr;

constexpr char kPin[] = "name: 'policy_pin' kind: KIND_POLICY";
constexpr char kForm[] =
    " setting { name: 'pin_shortest' default_value: '4' }"
    " setting { name: 'pin_longest' default_value: '4' }"
    " setting { name: 'pin_digits' default_value: 'true' }";

class StartFolder : public testing::Test {
 protected:
  StartFolder() {
    char pattern[] = "/tmp/madoguchi-folder-XXXXXX";
    folder_ = mkdtemp(pattern);
    std::filesystem::create_symlink(std::filesystem::absolute("../plugins/policy_pin/policy_pin"),
                                    folder_ + "/policy_pin");
  }
  ~StartFolder() override { std::filesystem::remove_all(folder_); }

  absl::Status Start(const std::string& manifest,
                     const std::map<std::string, std::string>& settings = {}) {
    std::ofstream(folder_ + "/plugin.textproto") << manifest;
    return PluginProcess::StartFolder(folder_, settings).status();
  }

  std::string folder_;
};

TEST_F(StartFolder, FillsTheDefaultsInAndPutsSettingsOverThem) {
  EXPECT_EQ(Start(std::string(kPin) + kForm), absl::OkStatus());
  const absl::Status status = Start(std::string(kPin) + kForm, {{"pin_longest", "17"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << "as the plugin says";
  EXPECT_THAT(std::string(status.message()), HasSubstr("pin_longest"));
  EXPECT_THAT(std::string(Start(kPin).message()), HasSubstr("pin_shortest"));
}

TEST_F(StartFolder, ComparesTheManifestWithHello) {
  for (const char* head : {"name: 'policy_other' binary: 'policy_pin' kind: KIND_POLICY",
                           "name: 'policy_pin' kind: KIND_READER"}) {
    EXPECT_EQ(Start(std::string(head) + kForm).code(), absl::StatusCode::kFailedPrecondition)
        << head;
  }
}

TEST_F(StartFolder, ReadsFilesFromTheirPath) {
  const std::string manifest =
      "name: 'policy_pin' kind: KIND_POLICY"
      " setting { name: 'pin_shortest' type: TYPE_FILE }"
      " setting { name: 'pin_longest' default_value: '4' }"
      " setting { name: 'pin_digits' default_value: 'true' }";
  const std::string path = folder_ + "/shortest";
  EXPECT_EQ(Start(manifest, {{"pin_shortest", path}}).code(), absl::StatusCode::kNotFound);
  std::ofstream(path) << "4";
  EXPECT_EQ(Start(manifest, {{"pin_shortest", path}}), absl::OkStatus());
}

TEST_F(StartFolder, NamesTheLineOfABrokenManifest) {
  EXPECT_THAT(std::string(Start("name: 'policy_pin'\ncolour: 1").message()),
              HasSubstr("plugin.textproto:2:"));
}

}  // namespace
}  // namespace madoguchi::conformance
