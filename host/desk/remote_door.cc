#include "host/desk/remote_door.h"

#include <grpcpp/security/auth_context.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <latch>

#include "host/desk/service.h"
#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

constexpr std::chrono::milliseconds kLastWords(200);

class ListedDevices final : public Callers {
 public:
  explicit ListedDevices(const Devices& devices) : devices_(devices) {}

  // gRPC serves before it says at which port; until then callers wait.
  void LetIn() { open_.count_down(); }

  absl::StatusOr<Caller> Identify(const grpc::ServerContextBase& context) const override {
    open_.wait();
    const auto authenticated = context.auth_context();
    const auto leaf = authenticated->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
    if (!authenticated->IsPeerAuthenticated() || leaf.empty()) return Unknown("no certificate");
    const std::string pem(leaf[0].data(), leaf[0].size());
    const auto device = devices_.Find(FingerprintOf(pem));
    if (!device) return Unknown("its certificate is not in the list");
    if (RoleOf(pem) != device->role()) {
      return Unknown("its certificate is for another role than the list says");
    }
    return Caller{device->name(), {device->role()}};
  }

 private:
  static absl::Status Unknown(const std::string& why) {
    return FailureStatus(check::v1::FAILURE_CODE_DEVICE_UNKNOWN, why);
  }
  const Devices& devices_;
  std::latch open_{1};
};

}  // namespace

struct RemoteDoor::Inside {
  Inside(const House& house) : callers(*house.devices), service(house, callers) {}
  ListedDevices callers;
  DeskService service;
  std::unique_ptr<grpc::Server> server;
};

RemoteDoor::RemoteDoor() = default;

RemoteDoor::~RemoteDoor() {
  if (inside_ != nullptr && inside_->server != nullptr) {
    inside_->server->Shutdown(std::chrono::system_clock::now() + kLastWords);
  }
}

absl::StatusOr<std::unique_ptr<RemoteDoor>> RemoteDoor::Open(const std::string& address,
                                                             House& house) {
  std::unique_ptr<RemoteDoor> door(new RemoteDoor);
  door->inside_ = std::make_unique<Inside>(house);
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = house.keys->ca_pem();
  options.pem_key_cert_pairs.push_back({house.keys->key_pem(), house.keys->certificate_pem()});
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(address, grpc::SslServerCredentials(options), &port);
  // A second host on the same port must fail, not share it.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.RegisterService(&door->inside_->service);
  door->inside_->server = builder.BuildAndStart();
  if (door->inside_->server == nullptr || port == 0) {
    return absl::UnavailableError("desk.address " + address + ": cannot listen there");
  }
  door->address_ = address.substr(0, address.rfind(':')) + ":" + std::to_string(port);
  house.address = door->address_;
  door->inside_->callers.LetIn();
  return door;
}

}  // namespace madoguchi
