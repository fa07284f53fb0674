#include <atomic>
#include <thread>

#include "host/desk/door_fixture.h"
#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

TEST_F(DoorTest, AListedDeviceComesIn) {
  const auto stub = Connect(MakeDevice(*keys_, "till-1", ROLE_STAFF, ROLE_STAFF));
  grpc::ClientContext context;
  SetDeadline(&context);
  desk::v1::GetHostReply reply;
  const auto status = stub->GetHost(&context, {}, &reply);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(reply.host_id(), "host.example");
  ASSERT_EQ(reply.role_size(), 1);
  EXPECT_EQ(reply.role(0), ROLE_STAFF);
}

TEST_F(DoorTest, NobodyElseDoes) {
  // No certificate at all, and one of another host's CA: TLS itself refuses them.
  EXPECT_EQ(GetHost(*Connect({"", "", keys_->ca_pem()})).code(), absl::StatusCode::kUnavailable);
  std::filesystem::create_directory(folder_ + "/other");
  const auto foreign = *HostKeys::Load(folder_ + "/other");
  EXPECT_EQ(GetHost(*Connect(MakeDevice(*foreign, "foreign", ROLE_STAFF, ROLE_STAFF))).code(),
            absl::StatusCode::kUnavailable);
  // The host's own certificate is no device's.
  EXPECT_FALSE(
      GetHost(*Connect({keys_->key_pem(), keys_->certificate_pem(), keys_->ca_pem()})).ok());
  // Certified and not (or no more) in the list.
  EXPECT_EQ(CodeOf(GetHost(*Connect(MakeDevice(*keys_, "x", ROLE_STAFF, ROLE_UNSPECIFIED)))),
            FAILURE_CODE_DEVICE_UNKNOWN);
  const auto removed = Connect(MakeDevice(*keys_, "removed", ROLE_STAFF, ROLE_STAFF));
  EXPECT_TRUE(GetHost(*removed).ok());
  ASSERT_TRUE(devices_->Remove("removed").ok());
  EXPECT_EQ(CodeOf(GetHost(*removed)), FAILURE_CODE_DEVICE_UNKNOWN);
}

TEST_F(DoorTest, TheListAndTheCertificateMustSayTheSameRole) {
  const auto stub = Connect(MakeDevice(*keys_, "raised", ROLE_PATIENT, ROLE_ADMIN));
  EXPECT_EQ(CodeOf(GetHost(*stub)), FAILURE_CODE_DEVICE_UNKNOWN);
}

TEST_F(DoorTest, ADeviceHasItsOwnRoleOnly) {
  const auto stub = Connect(MakeDevice(*keys_, "pad-1", ROLE_PATIENT, ROLE_PATIENT));
  const auto code = [](const grpc::Status& status) { return CodeOf(FromGrpc(status)); };
  {
    grpc::ClientContext context;
    SetDeadline(&context);
    desk::v1::SendRequest request;
    request.mutable_reply()->set_role(ROLE_STAFF);
    request.mutable_reply()->mutable_begin()->set_method("pin");
    desk::v1::SendReply reply;
    EXPECT_EQ(code(stub->Send(&context, request, &reply)), FAILURE_CODE_ROLE_FORBIDDEN);
  }
  {
    grpc::ClientContext context;
    SetDeadline(&context);
    desk::v1::WatchRequest request;
    request.set_role(ROLE_STAFF);
    const auto stream = stub->Watch(&context, request);
    desk::v1::View view;
    EXPECT_FALSE(stream->Read(&view));
    EXPECT_EQ(code(stream->Finish()), FAILURE_CODE_ROLE_FORBIDDEN);
  }
  {
    grpc::ClientContext context;
    SetDeadline(&context);
    desk::v1::ListPluginsReply reply;
    EXPECT_EQ(code(stub->ListPlugins(&context, {}, &reply)), FAILURE_CODE_ROLE_FORBIDDEN);
  }
  {
    grpc::ClientContext context;
    SetDeadline(&context);
    desk::v1::RemoveDeviceReply reply;
    EXPECT_EQ(code(stub->RemoveDevice(&context, {}, &reply)), FAILURE_CODE_ROLE_FORBIDDEN);
  }
}

TEST_F(DoorTest, OnlyAnAdminSaysYesToAPlugin) {
  const auto approve = [](Desk::Stub& stub) {
    grpc::ClientContext context;
    SetDeadline(&context);
    desk::v1::ApprovePluginRequest request;
    request.set_name("pcsc");
    desk::v1::ApprovePluginReply reply;
    return FromGrpc(stub.ApprovePlugin(&context, request, &reply));
  };
  const auto inspect = [](Desk::Stub& stub) {
    grpc::ClientContext context;
    SetDeadline(&context);
    desk::v1::InspectPluginReply reply;
    return FromGrpc(stub.InspectPlugin(&context, {}, &reply));
  };
  const auto revoke = [](Desk::Stub& stub) {
    grpc::ClientContext context;
    SetDeadline(&context);
    desk::v1::RevokePluginRequest request;
    request.set_name("pcsc");
    desk::v1::RevokePluginReply reply;
    return FromGrpc(stub.RevokePlugin(&context, request, &reply));
  };
  const auto restart = [](Desk::Stub& stub) {
    grpc::ClientContext context;
    SetDeadline(&context);
    desk::v1::RestartPluginRequest request;
    request.set_name("pcsc");
    desk::v1::RestartPluginReply reply;
    return FromGrpc(stub.RestartPlugin(&context, request, &reply));
  };
  for (const Role role : {ROLE_STAFF, ROLE_PATIENT}) {
    const auto stub = Connect(MakeDevice(*keys_, "d" + std::to_string(role), role, role));
    EXPECT_EQ(CodeOf(inspect(*stub)), FAILURE_CODE_ROLE_FORBIDDEN);
    EXPECT_EQ(CodeOf(approve(*stub)), FAILURE_CODE_ROLE_FORBIDDEN);
    EXPECT_EQ(CodeOf(revoke(*stub)), FAILURE_CODE_ROLE_FORBIDDEN);
    EXPECT_EQ(CodeOf(restart(*stub)), FAILURE_CODE_ROLE_FORBIDDEN);
  }
  EXPECT_TRUE(plugins_.notes.empty());
  const auto stub = Connect(MakeDevice(*keys_, "office", ROLE_ADMIN, ROLE_ADMIN));
  EXPECT_TRUE(inspect(*stub).ok());
  EXPECT_TRUE(approve(*stub).ok());
  EXPECT_TRUE(revoke(*stub).ok());
  EXPECT_TRUE(restart(*stub).ok());
  EXPECT_EQ(plugins_.notes, (std::vector<std::string>{"approve pcsc by office now", "revoke pcsc",
                                                      "restart pcsc"}));
}

TEST_F(DoorTest, AnAdminIsToldThatTheListCannotBeSaved) {
  const auto stub = Connect(MakeDevice(*keys_, "office", ROLE_ADMIN, ROLE_ADMIN));
  std::filesystem::remove_all(folder_);
  {
    grpc::ClientContext context;
    SetDeadline(&context);
    desk::v1::AddDeviceRequest request;
    request.set_name("till-1");
    request.set_role(ROLE_STAFF);
    request.set_certificate_request(screen::MakeKeyAndRequest("till-1")->request_der);
    desk::v1::AddDeviceReply reply;
    const absl::Status status = FromGrpc(stub->AddDevice(&context, request, &reply));
    EXPECT_EQ(CodeOf(status), FAILURE_CODE_DEVICES_NOT_SAVED) << status;
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_TRUE(reply.certificate_pem().empty());
  }
  grpc::ClientContext context;
  SetDeadline(&context);
  desk::v1::RemoveDeviceRequest request;
  request.set_name("office");
  desk::v1::RemoveDeviceReply reply;
  const absl::Status status = FromGrpc(stub->RemoveDevice(&context, request, &reply));
  EXPECT_EQ(CodeOf(status), FAILURE_CODE_DEVICES_NOT_SAVED) << status;
  EXPECT_TRUE(GetHost(*stub).ok());
}

TEST_F(DoorTest, ARemovedDevicesStreamEndsAtOnce) {
  const auto stub = Connect(MakeDevice(*keys_, "till-1", ROLE_STAFF, ROLE_STAFF));
  grpc::ClientContext context;
  SetDeadline(&context);
  desk::v1::WatchRequest request;
  request.set_role(ROLE_STAFF);
  const auto stream = stub->Watch(&context, request);
  desk::v1::View view;
  ASSERT_TRUE(stream->Read(&view));
  ASSERT_TRUE(devices_->Remove("till-1").ok());
  EXPECT_FALSE(stream->Read(&view));
  EXPECT_EQ(CodeOf(FromGrpc(stream->Finish())), FAILURE_CODE_DEVICE_UNKNOWN);
}

// A screen that does not read for a while holds back one message, and gets the newest.
TEST_F(DoorTest, ASlowScreenSkipsWhatIsOvertaken) {
  constexpr int kChanges = 400;
  const auto stub = Connect(MakeDevice(*keys_, "till-1", ROLE_STAFF, ROLE_STAFF));
  grpc::ClientContext context;
  SetDeadline(&context);
  const auto stream = stub->WatchReaders(&context, {});
  desk::v1::ReaderTable table;
  ASSERT_TRUE(stream->Read(&table));
  for (int i = 1; i <= kChanges; ++i) {
    reader::v1::Snapshot snapshot;
    snapshot.set_detail(std::to_string(i) + std::string(100000, ' '));  // above any window
    fake_.table.Update("big", 1, snapshot);
  }
  int messages = 0, newest = 0;
  while (newest < kChanges && stream->Read(&table)) {
    ++messages;
    for (const auto& source : table.source()) {
      if (source.plugin() == "big") newest = std::stoi(source.detail());
    }
  }
  EXPECT_EQ(newest, kChanges);
  EXPECT_LT(messages, kChanges / 4);
}

TEST_F(DoorTest, ScreensComeAndGoWhileTheTableMoves) {
  const Device device = MakeDevice(*keys_, "till-1", ROLE_STAFF, ROLE_STAFF);
  std::atomic<bool> over = false;
  std::jthread moves([&] {
    while (!over) fake_.readers.Plug("b");
  });
  std::vector<std::jthread> screens;
  for (int i = 0; i < 4; ++i) {
    screens.emplace_back([&] {
      const auto stub = Connect(device);
      for (int round = 0; round < 10; ++round) {
        grpc::ClientContext context;
        SetDeadline(&context);
        desk::v1::WatchRequest request;
        request.set_role(ROLE_STAFF);
        const auto stream = stub->Watch(&context, request);
        desk::v1::View view;
        EXPECT_TRUE(stream->Read(&view));
        context.TryCancel();
        while (stream->Read(&view)) {
        }
        EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
      }
    });
  }
  screens.clear();
  over = true;
}

TEST_F(DoorTest, ClosesInTimeWithScreensAtIt) {
  const auto stub = Connect(MakeDevice(*keys_, "till-1", ROLE_STAFF, ROLE_STAFF));
  grpc::ClientContext context;
  SetDeadline(&context);
  desk::v1::WatchRequest request;
  request.set_role(ROLE_STAFF);
  const auto stream = stub->Watch(&context, request);
  desk::v1::View view;
  ASSERT_TRUE(stream->Read(&view));
  std::atomic<bool> over = false;
  std::jthread moves([&] {
    while (!over) fake_.readers.Plug("b");
  });
  const auto before = std::chrono::steady_clock::now();
  door_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
  over = true;
  while (stream->Read(&view)) {
  }
  EXPECT_FALSE(stream->Finish().ok());
}

TEST_F(DoorTest, TheHouseKnowsItsAddressBeforeAnybodyAsks) {
  EXPECT_EQ(house_.address, door_->address());
}

TEST_F(DoorTest, ATakenAddressIsSaid) {
  const auto second = RemoteDoor::Open(door_->address(), house_);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.status().message().find(door_->address()), std::string::npos);
}

}  // namespace
}  // namespace madoguchi
