#include "host/loader/approvals.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "sdk/failure/failure.h"
#include "sdk/textproto/textproto.h"

namespace madoguchi {
namespace {

using namespace check::v1;  // NOLINT: the codes.

class ApprovalsTest : public testing::Test {
 protected:
  ApprovalsTest() {
    char folder[] = "/tmp/madoguchi-lock-XXXXXX";
    folder_ = mkdtemp(folder);
    path_ = folder_ + "/plugins.lock";
  }
  ~ApprovalsTest() override { std::filesystem::remove_all(folder_); }

  static host::Approval Of(const std::string& name, char digit) {
    host::Approval approval;
    approval.set_name(name);
    approval.set_digest(std::string(64, digit));
    approval.add_permission("pcscd");
    return approval;
  }

  std::string folder_, path_;
};

TEST_F(ApprovalsTest, LastsInAFileThatOthersCannotRead) {
  {
    Approvals approvals(path_);
    EXPECT_FALSE(approvals.Find("a"));
    ASSERT_TRUE(approvals.Approve(Of("a", '1')).ok());
    ASSERT_TRUE(approvals.Approve(Of("b", '2')).ok());
    ASSERT_TRUE(approvals.Approve(Of("a", '3')).ok());
  }
  struct stat facts;
  ASSERT_EQ(stat(path_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  Approvals approvals(path_);
  EXPECT_EQ(approvals.broken(), "");
  ASSERT_TRUE(approvals.Find("a"));
  EXPECT_EQ(approvals.Find("a")->digest(), std::string(64, '3'));
  EXPECT_EQ(approvals.Find("a")->permission(0), "pcscd");
  EXPECT_TRUE(approvals.Revoke("a").ok());
  EXPECT_FALSE(approvals.Find("a"));
  EXPECT_TRUE(approvals.Find("b"));
  EXPECT_EQ(CodeOf(approvals.Revoke("a")), FAILURE_CODE_PLUGIN_NOT_APPROVED);
}

TEST_F(ApprovalsTest, ABrokenFileApprovesNothingAndIsNotWrittenOver) {
  const struct {
    std::string text, says;
  } rows[] = {
      {"approval { nam: 'a' }", ":1:"},
      {"approval { name: 'a' digest: 'beef' }", ":1:22: expected 64 lower-case"},
      {"approval { digest: '" + std::string(64, 'a') + "' }", "an approval without a name"},
      {"approval { name: 'a' digest: '" + std::string(64, 'a') + "' }\n" +
           "approval { name: 'a' digest: '" + std::string(64, 'b') + "' }",
       ":2:12: a stands there twice"},
  };
  for (const auto& row : rows) {
    std::ofstream(path_, std::ios::trunc) << row.text;
    Approvals approvals(path_);
    EXPECT_EQ(approvals.broken().rfind(path_, 0), 0u) << approvals.broken();
    EXPECT_NE(approvals.broken().find(row.says), std::string::npos) << approvals.broken();
    EXPECT_FALSE(approvals.Find("a"));
    EXPECT_EQ(CodeOf(approvals.Approve(Of("c", '1'))), FAILURE_CODE_PLUGINS_NOT_SAVED);
    EXPECT_EQ(*ReadFile(path_), row.text);
  }
}

TEST_F(ApprovalsTest, WhatCannotBeSavedChangesNothing) {
  Approvals approvals(folder_ + "/none/plugins.lock");
  EXPECT_EQ(CodeOf(approvals.Approve(Of("a", '1'))), FAILURE_CODE_PLUGINS_NOT_SAVED);
  EXPECT_FALSE(approvals.Find("a"));
}

}  // namespace
}  // namespace madoguchi
