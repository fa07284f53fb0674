// The calls that wait for a plugin, at a local door.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <future>

#include "host/check/fake_world.h"
#include "host/desk/local_door.h"
#include "madoguchi/desk/v1/desk.grpc.pb.h"
#include "sdk/failure/failure.h"
#include "sdk/failure/grpc_status.h"
#include "sdk/screen/connect.h"

namespace madoguchi {
namespace {

using namespace check::v1;  // NOLINT: roles and codes.
using namespace std::chrono_literals;

// Plugins whose folders cannot be read just now.
class StuckPlugins final : public PluginDesk {
 public:
  std::vector<desk::v1::PluginRow> List() const override {
    (void)Stick();
    return std::vector<desk::v1::PluginRow>(1);
  }
  std::vector<std::string> JailLacks() const override { return {}; }
  absl::StatusOr<desk::v1::InspectPluginReply> Inspect(const std::string&) const override {
    (void)Stick();
    return desk::v1::InspectPluginReply();
  }
  absl::Status Approve(const desk::v1::ApprovePluginRequest&, const std::string&,
                       const std::string&) override {
    return Stick();
  }
  absl::Status Revoke(const std::string&) override { return Stick(); }
  absl::Status Restart(const std::string&) override { return Stick(); }

  std::promise<void> go_on;
  mutable std::promise<void> begun;

 private:
  absl::Status Stick() const {
    std::call_once(once_, [this] { begun.set_value(); });
    stuck_.wait_for(20s);
    return absl::OkStatus();
  }
  mutable std::once_flag once_;
  const std::shared_future<void> stuck_ = go_on.get_future().share();
};

class ErrandCalls : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = "/tmp/madoguchi_errands_XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    keys_ = *HostKeys::Load(folder_);
    devices_ = *Devices::Load(folder_ + "/devices.textproto");
    world_.readers.Plug("reader 1");
    house_.readers = &world_.table;
    house_.devices = devices_.get();
    house_.keys = keys_.get();
    house_.world = &world_.world;
    house_.errands = &errands_;
    house_.plugins = &plugins_;
    Open({ROLE_STAFF});
  }
  void TearDown() override {
    errands_.RequestStop();
    door_.reset();
    std::filesystem::remove_all(folder_);
  }
  void Open(const std::set<Role>& roles) {
    door_.reset();
    LocalDoor::Guests guests;
    guests.roles[getuid()] = roles;
    door_ = *LocalDoor::Open(folder_ + "/desk.sock", house_, std::move(guests));
    stub_ = desk::v1::Desk::NewStub(*screen::Connect(folder_ + "/desk.sock"));
  }

  absl::StatusOr<desk::v1::CardKind> Look() {
    grpc::ClientContext call;
    call.set_deadline(std::chrono::system_clock::now() + 20s);
    desk::v1::LookAtCardRequest request;
    request.set_reader("virtual/reader 1");
    desk::v1::LookAtCardReply reply;
    const absl::Status status = FromGrpc(stub_->LookAtCard(&call, request, &reply));
    if (!status.ok()) return status;
    return reply.card();
  }
  absl::StatusOr<desk::v1::ProbeAuthorityReply> Probe() {
    grpc::ClientContext call;
    call.set_deadline(std::chrono::system_clock::now() + 20s);
    desk::v1::ProbeAuthorityReply reply;
    const absl::Status status = FromGrpc(stub_->ProbeAuthority(&call, {}, &reply));
    if (!status.ok()) return status;
    return reply;
  }

  // `count` calls of each kind that touches the folders of plugins.
  std::vector<std::future<absl::Status>> TouchPlugins(int count) {
    std::vector<std::future<absl::Status>> calls;
    const auto call =
        [&]<typename Request, typename Reply>(grpc::Status (desk::v1::Desk::Stub::*method)(
            grpc::ClientContext*, const Request&, Reply*)) {
          calls.push_back(std::async(std::launch::async, [this, method] {
            grpc::ClientContext context;
            context.set_deadline(std::chrono::system_clock::now() + 20s);
            Reply reply;
            return FromGrpc((stub_.get()->*method)(&context, Request(), &reply));
          }));
        };
    for (int i = 0; i < count; ++i) {
      call(&desk::v1::Desk::Stub::ListPlugins);
      call(&desk::v1::Desk::Stub::InspectPlugin);
      call(&desk::v1::Desk::Stub::ApprovePlugin);
      call(&desk::v1::Desk::Stub::RevokePlugin);
      call(&desk::v1::Desk::Stub::RestartPlugin);
    }
    return calls;
  }
  absl::Status ListCounters() {
    grpc::ClientContext call;
    call.set_deadline(std::chrono::system_clock::now() + 10s);
    desk::v1::ListCountersReply reply;
    return FromGrpc(stub_->ListCounters(&call, {}, &reply));
  }

  std::string folder_;
  StuckPlugins plugins_;
  fake::FakeWorld world_;
  std::unique_ptr<HostKeys> keys_;
  std::unique_ptr<Devices> devices_;
  House house_;
  Errands errands_;
  std::unique_ptr<LocalDoor> door_;
  std::unique_ptr<desk::v1::Desk::Stub> stub_;
};

TEST_F(ErrandCalls, AreForTheStaffAndTheAdmin) {
  world_.readers.Lay("reader 1");
  EXPECT_EQ(*Look(), desk::v1::CARD_KIND_MY_NUMBER_CARD);
  Open({ROLE_PATIENT});
  EXPECT_EQ(CodeOf(Look().status()), FAILURE_CODE_ROLE_FORBIDDEN);
  EXPECT_EQ(CodeOf(Probe().status()), FAILURE_CODE_ROLE_FORBIDDEN);
  Open({ROLE_ADMIN});
  EXPECT_TRUE(Look().ok());
  EXPECT_TRUE(Probe().ok());
}

TEST_F(ErrandCalls, TheAuthorityTellsItsTimeOrWhyNot) {
  auto reply = Probe();
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->host_time().size(), 20u) << reply->host_time();
  EXPECT_EQ(reply->authority_time(), "") << "this one does not tell";
  world_.authority.on_challenge = [](authority::v1::ChallengeReply challenge) {
    challenge.set_time_s(1800000000);
    return challenge;
  };
  EXPECT_EQ(Probe()->authority_time(), "2027-01-15T08:00:00Z");
  world_.authority.on_challenge = [](authority::v1::ChallengeReply challenge) {
    challenge.set_host_id("another");
    return challenge;
  };
  EXPECT_EQ(CodeOf(Probe().status()), FAILURE_CODE_AUTHORITY_ANSWER_INVALID);
  world_.authority.on_challenge = [](const authority::v1::ChallengeReply&) {
    return FailureStatus(FAILURE_CODE_NOT_ENROLLED);
  };
  EXPECT_EQ(CodeOf(Probe().status()), FAILURE_CODE_NOT_ENROLLED);
}

// Whoever waits for a silent card holds up nobody else, and the host's end least of all.
TEST_F(ErrandCalls, ASilentCardHoldsNobodyUp) {
  const auto stay = world_.readers.Lay("reader 1");
  std::promise<void> begun, go_on;
  stay->instead = [&](int n) -> std::optional<absl::StatusOr<std::vector<uint8_t>>> {
    if (n == 1) {
      begun.set_value();
      go_on.get_future().wait_for(20s);
    }
    return {};
  };
  auto look = std::async(std::launch::async, [&] { return Look(); });
  begun.get_future().wait_for(20s);
  EXPECT_TRUE(Probe().ok());
  errands_.RequestStop();
  EXPECT_EQ(CodeOf(Probe().status()), FAILURE_CODE_HOST_STOPPING);
  go_on.set_value();
  EXPECT_EQ(CodeOf(look.get().status()), FAILURE_CODE_CANCELLED);
}

// Nor does whoever waits for a folder of a plugin.
TEST_F(ErrandCalls, AFolderThatCannotBeReadHoldsNobodyUp) {
  Open({ROLE_STAFF, ROLE_ADMIN});
  auto calls = TouchPlugins(8);
  plugins_.begun.get_future().wait_for(20s);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(ListCounters().ok());
  EXPECT_TRUE(Probe().ok());
  plugins_.go_on.set_value();
  for (auto& call : calls) EXPECT_TRUE(call.get().ok());
}

TEST_F(ErrandCalls, WhoWaitsForTheClerkIsToldThatTheHostStops) {
  Open({ROLE_STAFF, ROLE_ADMIN});
  auto calls = TouchPlugins(1);
  plugins_.begun.get_future().wait_for(20s);
  house_.clerk->RequestStop();
  plugins_.go_on.set_value();
  int served = 0;
  for (auto& call : calls) {
    const absl::Status status = call.get();
    served += status.ok() ? 1 : 0;
    EXPECT_TRUE(status.ok() || CodeOf(status) == FAILURE_CODE_HOST_STOPPING) << status;
  }
  EXPECT_EQ(served, 1);
}

}  // namespace
}  // namespace madoguchi
