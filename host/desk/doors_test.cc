#include <fcntl.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "host/check/fake_desk.h"
#include "host/desk/local_door.h"
#include "host/desk/remote_door.h"
#include "madoguchi/desk/v1/desk.grpc.pb.h"
#include "sdk/failure/failure.h"
#include "sdk/failure/grpc_status.h"
#include "sdk/screen/device_key.h"

namespace madoguchi {
namespace {

using namespace check::v1;  // NOLINT: codes and roles.
using namespace std::chrono_literals;
using desk::v1::Desk;

// One device: its key and what the host's CA said to it.
struct Device {
  std::string key_pem, certificate_pem, ca_pem;
};

// Says what it was told to do.
class NotedPlugins final : public PluginDesk {
 public:
  std::vector<desk::v1::PluginRow> List() const override {
    return std::vector<desk::v1::PluginRow>(1);
  }
  std::vector<std::string> JailLacks() const override { return {}; }
  absl::StatusOr<desk::v1::InspectPluginReply> Inspect(const std::string&) const override {
    return desk::v1::InspectPluginReply();
  }
  absl::Status Approve(const desk::v1::ApprovePluginRequest& request, const std::string& who,
                       const std::string& when) override {
    return Note("approve " + request.name() + " by " + who + (when.empty() ? "" : " now"));
  }
  absl::Status Revoke(const std::string& name) override { return Note("revoke " + name); }
  absl::Status Restart(const std::string& name) override { return Note("restart " + name); }
  std::vector<std::string> notes;

 private:
  absl::Status Note(const std::string& note) {
    notes.push_back(note);
    return absl::OkStatus();
  }
};

class DoorTest : public testing::Test {
 protected:
  DoorTest() {
    char folder[] = "/tmp/madoguchi-door-XXXXXX";
    folder_ = mkdtemp(folder);
    keys_ = *HostKeys::Load(folder_);
    devices_ = *Devices::Load(folder_ + "/devices.textproto");
    house_.host_id = "host.example";
    house_.readers = &fake_.table;
    house_.devices = devices_.get();
    house_.keys = keys_.get();
    house_.plugins = &plugins_;
    house_.counters["1"] =
        std::make_unique<Counter>(fake_.world, methods_.all, Counter::Place{"1", {}});
    fake_.readers.Plug("a");
    door_ = *RemoteDoor::Open("127.0.0.1:0", house_);
  }
  ~DoorTest() override {
    door_.reset();
    house_.counters.clear();
    std::filesystem::remove_all(folder_);
  }

  // Certified by `keys`; in the list with `listed`, unless that is ROLE_UNSPECIFIED.
  Device MakeDevice(const HostKeys& keys, const std::string& name, Role certified, Role listed) {
    const auto made = *screen::MakeKeyAndRequest(name);
    const auto pem = keys.CertifyDevice(made.request_der, name, certified);
    EXPECT_TRUE(pem.ok());
    if (listed != ROLE_UNSPECIFIED) {
      desk::v1::Device device;
      device.set_name(name);
      device.set_role(listed);
      device.set_certificate_sha256(FingerprintOf(*pem));
      EXPECT_TRUE(devices_->Add(device).ok());
    }
    return {made.private_key_pem, *pem, keys_->ca_pem()};
  }

  std::unique_ptr<Desk::Stub> Connect(const Device& device) const {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = device.ca_pem;
    options.pem_private_key = device.key_pem;
    options.pem_cert_chain = device.certificate_pem;
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride(kHostName);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return Desk::NewStub(
        grpc::CreateCustomChannel(door_->address(), grpc::SslCredentials(options), arguments));
  }

  static void SetDeadline(grpc::ClientContext* context) {
    context->set_deadline(std::chrono::system_clock::now() + 10s);
  }
  static absl::Status GetHost(Desk::Stub& stub) {
    grpc::ClientContext context;
    SetDeadline(&context);
    desk::v1::GetHostReply reply;
    return FromGrpc(stub.GetHost(&context, {}, &reply));
  }

  std::string folder_;
  fake::FakeWorld fake_;
  fake::Methods methods_;
  std::unique_ptr<HostKeys> keys_;
  std::unique_ptr<Devices> devices_;
  NotedPlugins plugins_;
  House house_;
  std::unique_ptr<RemoteDoor> door_;
};

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

class LocalDoorTest : public DoorTest {
 protected:
  std::unique_ptr<Desk::Stub> Knock() const {
    return Desk::NewStub(grpc::CreateChannel("unix:" + path_, grpc::InsecureChannelCredentials()));
  }
  absl::StatusOr<std::unique_ptr<LocalDoor>> Open(uid_t uid, bool plugin = false) {
    LocalDoor::Guests guests;
    guests.roles[uid] = {ROLE_STAFF};
    guests.is_plugin = [plugin](pid_t pid) { return plugin && pid == getpid(); };
    return LocalDoor::Open(path_, house_, std::move(guests));
  }
  const std::string path_ = folder_ + "/desk.sock";
};

TEST_F(LocalDoorTest, TheKernelSaysWhoComesIn) {
  auto door = Open(getuid());
  ASSERT_TRUE(door.ok()) << door.status();
  EXPECT_TRUE(GetHost(*Knock()).ok());
  EXPECT_EQ(Open(getuid()).status().code(), absl::StatusCode::kAlreadyExists);
  door->reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
  door = Open(getuid() + 1);
  EXPECT_EQ(GetHost(*Knock()).code(), absl::StatusCode::kUnavailable);
  door->reset();
  door = Open(getuid(), /*plugin=*/true);
  EXPECT_EQ(GetHost(*Knock()).code(), absl::StatusCode::kUnavailable);
}

TEST_F(LocalDoorTest, ClosesInTimeWithScreensAtIt) {
  auto door = Open(getuid());
  ASSERT_TRUE(door.ok());
  const auto stub = Knock();
  grpc::ClientContext context;
  SetDeadline(&context);
  desk::v1::WatchRequest request;
  request.set_role(ROLE_STAFF);
  const auto stream = stub->Watch(&context, request);
  desk::v1::View view;
  ASSERT_TRUE(stream->Read(&view));
  const auto before = std::chrono::steady_clock::now();
  door->reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
  EXPECT_FALSE(stream->Read(&view));
  EXPECT_FALSE(stream->Finish().ok());
}

TEST_F(LocalDoorTest, SaysWhatToDoWhenTheSocketCannotBeOpened) {
  std::filesystem::remove_all(folder_);
  EXPECT_EQ(std::string(Open(getuid()).status().message()),
            path_ + ": the desk's socket cannot be opened there: No such file or directory; set " +
                "another path in desk.socket, or see that its folder is there and may be written");
}

TEST_F(LocalDoorTest, AFileInTheWayStays) {
  { const Fd file(creat(path_.c_str(), 0600)); }
  EXPECT_EQ(Open(getuid()).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace madoguchi
