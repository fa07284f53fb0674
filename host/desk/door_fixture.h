#ifndef MADOGUCHI_HOST_DESK_DOOR_FIXTURE_H_
#define MADOGUCHI_HOST_DESK_DOOR_FIXTURE_H_

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "host/check/fake_desk.h"
#include "host/desk/remote_door.h"
#include "madoguchi/desk/v1/desk.grpc.pb.h"
#include "sdk/failure/grpc_status.h"
#include "sdk/screen/device_key.h"

// For tests: a house with one counter, and an open door over TCP.
namespace madoguchi {

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

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_DESK_DOOR_FIXTURE_H_
