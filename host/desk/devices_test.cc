#include "host/desk/devices.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

using namespace check::v1;  // NOLINT: codes and roles.

class DevicesTest : public testing::Test {
 protected:
  DevicesTest() {
    char folder[] = "/tmp/madoguchi-devices-XXXXXX";
    folder_ = mkdtemp(folder);
    path_ = folder_ + "/devices.textproto";
  }
  ~DevicesTest() override { std::filesystem::remove_all(folder_); }

  absl::Status LoadOf(const std::string& text) {
    std::ofstream(path_) << text;
    return Devices::Load(path_).status();
  }
  static desk::v1::Device Device(const std::string& name, char digit = 'a') {
    desk::v1::Device device;
    device.set_name(name);
    device.set_role(ROLE_STAFF);
    device.set_certificate_sha256(std::string(64, digit));
    return device;
  }

  std::string folder_, path_;
};

TEST_F(DevicesTest, AddsFindsAndRemoves) {
  auto devices = *Devices::Load(path_);  // none there: none known
  EXPECT_EQ(devices->List().device_size(), 0);
  ASSERT_TRUE(devices->Add(Device("till-1")).ok());
  EXPECT_EQ(devices->Find(std::string(64, 'a'))->name(), "till-1");
  EXPECT_FALSE(devices->Find(std::string(64, 'b')));
  EXPECT_FALSE(devices->Find(""));
  const absl::Status twice = devices->Add(Device("till-1", 'b'));
  EXPECT_EQ(twice.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(twice), FAILURE_CODE_REQUEST_INVALID);
  for (const char* const name : {"", "-a", "a b", "a/b", "あ"}) {
    EXPECT_EQ(CodeOf(devices->Add(Device(name, 'c'))), FAILURE_CODE_REQUEST_INVALID) << name;
  }
  EXPECT_EQ(CodeOf(devices->Remove("till-2")), FAILURE_CODE_DEVICE_UNKNOWN);
  ASSERT_TRUE(devices->Remove("till-1").ok());
  EXPECT_FALSE(devices->Find(std::string(64, 'a')));
}

TEST_F(DevicesTest, TheNextStartKnowsThem) {
  ASSERT_TRUE((*Devices::Load(path_))->Add(Device("till-1")).ok());
  EXPECT_TRUE((*Devices::Load(path_))->Find(std::string(64, 'a')));
  struct stat facts;
  ASSERT_EQ(stat(path_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
}

TEST_F(DevicesTest, WhatCannotBeSavedIsNotSo) {
  auto devices = *Devices::Load(path_);
  ASSERT_TRUE(devices->Add(Device("till-1")).ok());
  std::filesystem::remove_all(folder_);
  const absl::Status kept = devices->Remove("till-1");
  EXPECT_EQ(CodeOf(kept), FAILURE_CODE_DEVICES_NOT_SAVED);
  EXPECT_NE(kept.message().find(path_ + ": No such file"), std::string::npos) << kept;
  EXPECT_TRUE(devices->Find(std::string(64, 'a')));
  EXPECT_EQ(CodeOf(devices->Add(Device("till-2", 'b'))), FAILURE_CODE_DEVICES_NOT_SAVED);
  EXPECT_FALSE(devices->Find(std::string(64, 'b')));
}

TEST_F(DevicesTest, TellsOfEveryChange) {
  auto devices = *Devices::Load(path_);
  int pokes = 0;
  const auto listener = std::make_shared<Listener>([&] { ++pokes; });
  devices->Tell(listener);
  ASSERT_TRUE(devices->Add(Device("till-1")).ok());
  ASSERT_TRUE(devices->Remove("till-1").ok());
  EXPECT_FALSE(devices->Remove("till-1").ok());
  EXPECT_EQ(pokes, 2);
}

TEST_F(DevicesTest, ErrorsNameTheFileAndWhatWasExpected) {
  const std::string hash = " certificate_sha256: '" + std::string(64, 'a') + "' ";
  const struct {
    std::string text, says;
  } cases[] = {
      {"device { name: 'a' }\ndevice { nam: 'b' }", ":2:13: "},
      {"device { name: 'a b' role: ROLE_STAFF" + hash + "}", "\"a b\": expected a name"},
      {"device { name: 'a'" + hash + "}", "\"a\": expected the role"},
      {"device { name: 'a' role: ROLE_STAFF }", "\"a\": expected certificate_sha256"},
      {"device { name: 'a' role: ROLE_STAFF certificate_sha256: '" + std::string(64, 'A') + "' }",
       "\"a\": expected certificate_sha256"},
      {"device { name: 'a' role: ROLE_STAFF" + hash + "} device { name: 'b' role: ROLE_ADMIN" +
           hash + "}",
       "\"b\": its certificate is another device's"},
  };
  for (const auto& one : cases) {
    const std::string message(LoadOf(one.text).message());
    EXPECT_EQ(message.rfind(path_, 0), 0u) << message;
    EXPECT_NE(message.find(one.says), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace madoguchi
