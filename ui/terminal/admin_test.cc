// The admin's commands at a scripted desk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <sstream>

#include "sdk/failure/failure.h"
#include "sdk/failure/grpc_status.h"
#include "ui/terminal/commands.h"
#include "ui/terminal/scripted_desk.h"

namespace madoguchi::terminal {
namespace {

using desk::v1::InspectPluginReply;
using desk::v1::PluginRow;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace check::v1;  // NOLINT: the codes.

const std::string kOld(64, 'a'), kNew(64, 'b');

class AdminTest : public testing::Test {
 protected:
  AdminTest() : desk_([](const desk::v1::Reply&) { return absl::OkStatus(); }) {
    line_.name = "stays";
    line_.yes = true;
    PluginRow& row = *seen_.mutable_row();
    row.set_name("stays");
    row.set_state(PluginRow::STATE_RUNNING);
    row.set_version("1.0");
    row.set_digest(kOld);
    row.set_pid(41);
    seen_.set_digest(kOld);
    seen_.set_version("1.0");
    desk_.inspect = [this] { return seen_; };
    desk_.approve = [this](const desk::v1::ApprovePluginRequest&) { ++approvals_; };
  }
  int Run(int (*command)(const CommandLine&, const Session&),
          Language language = Language::kEnglish) {
    const auto connection = screen::DeskConnection::Local(desk_.socket_path());
    return command(line_, {language, connection.get(), nullptr, &bell_, &interrupted_, out_, err_});
  }

  ScriptedDesk desk_;
  InspectPluginReply seen_;
  int approvals_ = 0;
  CommandLine line_;
  Bell bell_;
  std::atomic<int> interrupted_ = 0;
  std::ostringstream out_, err_;
};

TEST_F(AdminTest, AVersionThatDoesNotStartLeavesTheOldOneAndSaysWhy) {
  seen_.set_digest(kNew);
  seen_.set_version("1.1");
  int looks = 0;
  desk_.approve = [&](const desk::v1::ApprovePluginRequest&) {
    ++approvals_;
    seen_.mutable_row()->set_failed_digest(kNew);
  };
  desk_.inspect = [&] {
    // The reason comes later than the fact.
    if (approvals_ > 0 && ++looks == 3) seen_.mutable_row()->set_detail("exited with status 1");
    return seen_;
  };
  line_.command = Command::kPluginsReplace;
  EXPECT_EQ(Run(RunPluginsApprove, Language::kJapanese), 2);
  EXPECT_EQ(err_.str(),
            "stays の新しい版は起動しないため、版 1.0 が引き続き動いています。\n"
            "  exited with status 1\n");
  EXPECT_EQ(approvals_, 1);
}

TEST_F(AdminTest, WhoeverStopsWaitingIsToldWhichVersionRuns) {
  seen_.set_digest(kNew);
  desk_.approve = [&](const desk::v1::ApprovePluginRequest&) {
    seen_.mutable_row()->set_next_digest(kNew);
    ++interrupted_;
  };
  line_.command = Command::kPluginsReplace;
  EXPECT_EQ(Run(RunPluginsApprove), 2);
  EXPECT_EQ(err_.str(), "The new version of stays does not run yet; version 1.0 does.\n");
}

TEST_F(AdminTest, ShowTellsThatAnotherVersionLiesThere) {
  EXPECT_EQ(Run(RunPluginsShow), 0);
  EXPECT_THAT(out_.str(), Not(HasSubstr("Another version")));
  seen_.set_digest(kNew);
  EXPECT_EQ(Run(RunPluginsShow), 0);
  EXPECT_THAT(out_.str(), HasSubstr("To replace it: madoguchi plugins replace stays\n"));
  // One that was approved and waits for its turn needs nothing more.
  out_.str("");
  seen_.mutable_row()->set_next_digest(kNew);
  EXPECT_EQ(Run(RunPluginsShow), 0);
  EXPECT_THAT(out_.str(), Not(HasSubstr("Another version")));
}

TEST_F(AdminTest, ShowSpeaksTheReadersLanguageAndTime) {
  setenv("TZ", "JST-9", 1);
  tzset();
  seen_.mutable_row()->set_state(PluginRow::STATE_UNAPPROVED);
  seen_.mutable_row()->set_detail("it is not approved");
  auto* const incident = seen_.mutable_row()->add_incident();
  incident->set_what("tried ptrace, which its jail denies");
  incident->set_times(1);
  incident->set_last("2027-01-15T07:59:00Z");
  EXPECT_EQ(Run(RunPluginsShow, Language::kJapanese), 0);
  EXPECT_THAT(out_.str(), HasSubstr("承認待ち: 承認されていません"));
  EXPECT_THAT(out_.str(), HasSubstr("（1回、最後は 2027-01-15 16:59:00）"));
  EXPECT_EQ(Run(RunPluginsShow), 0);
  EXPECT_THAT(out_.str(), HasSubstr("not approved: it is not approved"));
  EXPECT_THAT(out_.str(), HasSubstr("(times: 1, last 2027-01-15 16:59:00)"));
}

TEST_F(AdminTest, WhatRunsAsItLiesThereIsNotStartedAgain) {
  seen_.add_asked("usb");
  seen_.mutable_row()->add_granted("usb");
  for (const Command command : {Command::kPluginsApprove, Command::kPluginsReplace}) {
    line_.command = command;
    EXPECT_EQ(Run(RunPluginsApprove), 0);
  }
  EXPECT_EQ(approvals_, 0);
  EXPECT_EQ(out_.str(),
            "stays runs as it lies there already.\nstays runs as it lies there already.\n");
}

// Else the approval of the one that failed would stand.
TEST_F(AdminTest, BackFromAVersionThatFailedIsAnApproval) {
  seen_.mutable_row()->set_failed_digest(kNew);
  desk_.approve = [&](const desk::v1::ApprovePluginRequest& request) {
    ++approvals_;
    EXPECT_EQ(request.digest(), kOld);
    seen_.mutable_row()->clear_failed_digest();
    seen_.mutable_row()->set_pid(42);
  };
  line_.command = Command::kPluginsApprove;
  EXPECT_EQ(Run(RunPluginsApprove), 0) << err_.str();
  EXPECT_EQ(approvals_, 1);
}

TEST_F(AdminTest, OnlyAnotherDevicesNameIsCalledUnknown) {
  const grpc::Status unknown = ToGrpc(FailureStatus(FAILURE_CODE_DEVICE_UNKNOWN, "stays"));
  desk_.remove_device = [&] {
    return grpc::Status(grpc::StatusCode::NOT_FOUND, unknown.error_message(),
                        unknown.error_details());
  };
  EXPECT_EQ(Run(RunDevicesRemove), 2);
  EXPECT_EQ(err_.str(),
            "No device is registered as \"stays\". See the names with: madoguchi devices list\n");
  err_.str("");
  desk_.remove_device = [&] { return unknown; };
  EXPECT_EQ(Run(RunDevicesRemove), 2);
  EXPECT_THAT(err_.str(), HasSubstr("(DEVICE_UNKNOWN)"));
}

}  // namespace
}  // namespace madoguchi::terminal
