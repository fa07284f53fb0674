// Checks whose connection breaks, or whose screen is not the only one.
#include <thread>

#include "sdk/failure/failure.h"
#include "ui/terminal/check_fixture.h"

namespace madoguchi::terminal {
namespace {

using desk::v1::Reply;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace check::v1;  // NOLINT: outcomes, roles and codes.

TEST_F(CheckTest, GoesOnAfterTheStreamBroke) {
  std::thread restart;
  ScriptedDesk desk([&](const Reply& reply) {
    if (reply.has_begin()) {
      desk.AskPin();
      restart = std::thread([&] {
        desk.Stop();
        desk.Start();
        pins_.Type("0456\n");
      });
    }
    if (reply.has_pin()) {
      EXPECT_EQ(desk.Open(reply), "0456");
      desk.Finish(OUTCOME_ELIGIBLE);
    }
    return absl::OkStatus();
  });
  // GetHost and Watch before the stop; the reply of Begin may be lost with it.
  const int status = Check(desk);
  restart.join();
  EXPECT_EQ(status, 0) << out_.str() << err_.str();
}

TEST_F(CheckTest, AConnectionThatIsSilentIsMadeAnew) {
  ScriptedDesk desk([&](const Reply&) { return absl::OkStatus(); });
  const auto connection = screen::DeskConnection::Local(desk.socket_path());
  RemoteDesk remote(connection.get(), "", {ROLE_STAFF}, &bell_, std::chrono::milliseconds(100));
  ASSERT_TRUE(Await(remote, [](const Sight& sight) { return sight.connections >= 1; }));
  desk.silent = true;
  EXPECT_TRUE(Await(remote, [](const Sight& sight) { return sight.connections >= 2; }));
  EXPECT_TRUE(remote.Look(ROLE_STAFF).lost.ok());
}

TEST_F(CheckTest, AViewThatCannotBeReadBreaksTheStream) {
  ScriptedDesk desk([&](const Reply&) { return absl::OkStatus(); });
  const auto connection = screen::DeskConnection::Local(desk.socket_path());
  RemoteDesk remote(connection.get(), "", {ROLE_STAFF}, &bell_);
  ASSERT_TRUE(Await(remote, [](const Sight& sight) { return sight.connections == 1; }));
  desk::v1::View view;
  view.mutable_verdict()->mutable_failure()->set_detail("\xff");
  desk.Put(ROLE_STAFF, view);
  EXPECT_TRUE(Await(remote, [](const Sight& sight) { return sight.broken; }));
  desk.Idle();
  EXPECT_TRUE(Await(remote, [](const Sight& sight) { return sight.connections == 2; }));
}

TEST_F(CheckTest, ARefusedStreamSaysWhyAtOnce) {
  ScriptedDesk desk([&](const Reply&) { return absl::OkStatus(); });
  desk.refusal = FAILURE_CODE_ROLE_FORBIDDEN;
  const auto connection = screen::DeskConnection::Local(desk.socket_path());
  for (int i = 1; i <= 50; ++i) {  // as often as two threads may meet in another order
    RemoteDesk remote(connection.get(), "", {ROLE_STAFF}, &bell_);
    ASSERT_TRUE(Await(remote, [](const Sight& sight) { return !sight.lost.ok(); }));
    ASSERT_EQ(CodeOf(remote.Look(ROLE_STAFF).lost), FAILURE_CODE_ROLE_FORBIDDEN);
    ASSERT_EQ(desk.watches, i);
  }
}

TEST_F(CheckTest, AHostThatStaysAwayIsGivenUp) {
  ScriptedDesk desk([&](const Reply& reply) {
    if (reply.has_begin()) desk.PutStage(desk::v1::STAGE_LAY_CARD);
    return absl::OkStatus();
  });
  const auto connection = screen::DeskConnection::Local("/tmp/madoguchi_nowhere/desk.sock");
  line_.json = true;
  EXPECT_EQ(Check(connection.get()), 2);
  EXPECT_EQ(Json().failure().code(), FAILURE_CODE_HOST_UNREACHABLE);
  EXPECT_THAT(err_.str(), HasSubstr("/tmp/madoguchi_nowhere/desk.sock"));
}

TEST_F(CheckTest, WithoutThePatientsRoleThePinIsTypedElsewhere) {
  ScriptedDesk desk([&](const Reply& reply) {
    if (reply.has_begin()) {
      desk.AskPin();
      desk.Finish(OUTCOME_ELIGIBLE);
    }
    return absl::OkStatus();
  });
  desk.roles = {ROLE_STAFF};
  EXPECT_EQ(Check(desk), 0);
  EXPECT_THAT(desk.replies(), ElementsAre(Reply::kBegin, Reply::kClose));
}

TEST_F(CheckTest, CloseFreesACounterThatWasLeft) {
  ScriptedDesk desk([&](const Reply&) { return absl::OkStatus(); });
  desk.AskPin();
  const auto connection = screen::DeskConnection::Local(desk.socket_path());
  EXPECT_EQ(RunClose(line_, {Language::kEnglish, connection.get(), nullptr, &bell_, &interrupted_,
                             out_, err_}),
            0);
  EXPECT_THAT(desk.replies(), ElementsAre(Reply::kCancel, Reply::kClose));
}

}  // namespace
}  // namespace madoguchi::terminal
