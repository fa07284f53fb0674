#include "sdk/screen/connect.h"

#include <fcntl.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/security/credentials.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "sdk/failure/failure.h"

namespace madoguchi::screen {
namespace {

constexpr char kHostName[] = "madoguchi-host";

absl::Status Unreachable(const std::string& detail) {
  return FailureStatus(check::v1::FAILURE_CODE_HOST_UNREACHABLE, detail);
}

// Who listens at `fd`, as the kernel knows it since listen().
absl::Status CheckListener(int fd, const std::string& path) {
  struct ucred peer = {};
  socklen_t size = sizeof(peer);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return Unreachable(path + ": " + std::strerror(errno));
  }
  if (peer.uid == 0 || peer.uid == geteuid()) return absl::OkStatus();
  return FailureStatus(check::v1::FAILURE_CODE_HOST_FOREIGN,
                       path + " is served by user " + std::to_string(peer.uid) +
                           ", neither root nor user " + std::to_string(geteuid()));
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return Unreachable("\"" + path + "\" is no path of a socket (1 to 107 bytes)");
  }
  path.copy(address.sun_path, path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Unreachable(path + ": " + std::strerror(errno));
  // A local connect() does not wait, unless the listener's backlog is full.
  const timeval patience = {.tv_sec = 2, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  absl::Status status = absl::OkStatus();
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    status = Unreachable(path + ": " + std::strerror(errno));
  } else {
    status = CheckListener(fd, path);
  }
  if (status.ok() && fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
    status = Unreachable(path + ": " + std::strerror(errno));
  }
  if (!status.ok()) {
    close(fd);
    return status;
  }
  return grpc::CreateInsecureChannelFromFd("madoguchi", fd);  // Owns the fd.
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(const DeviceFile& device,
                                                       const std::string& address) {
  const std::string& target = address.empty() ? device.address() : address;
  if (target.empty()) {
    return absl::InvalidArgumentError("the device file has no address, and none was given");
  }
  grpc::SslCredentialsOptions keys;
  keys.pem_root_certs = device.host_ca_pem();
  keys.pem_private_key = device.private_key_pem();
  keys.pem_cert_chain = device.certificate_pem();
  grpc::ChannelArguments arguments;
  // The certificate names the host's part, not its address: addresses change, the CA is this
  // host's own.
  arguments.SetSslTargetNameOverride(kHostName);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // gRPC shares connections between equal channels; a renewed one must be a new one.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(target, grpc::SslCredentials(keys), arguments);
}

std::unique_ptr<DeskConnection> DeskConnection::Local(const std::string& socket_path) {
  std::unique_ptr<DeskConnection> made(new DeskConnection);
  made->address_ = socket_path;
  return made;
}

std::unique_ptr<DeskConnection> DeskConnection::Remote(const DeviceFile& device,
                                                       const std::string& address) {
  std::unique_ptr<DeskConnection> made(new DeskConnection);
  made->local_ = false;
  made->address_ = address.empty() ? device.address() : address;
  made->device_ = device;
  return made;
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> DeskConnection::MakeLocked() {
  auto made = local_ ? Connect(address_) : Connect(device_, address_);
  channel_ = made.ok() ? *made : nullptr;
  return made;
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> DeskConnection::Channel() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (channel_) return channel_;
  return MakeLocked();
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> DeskConnection::Renew(
    const std::shared_ptr<grpc::Channel>& broken) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (channel_ && channel_ != broken) return channel_;
  return MakeLocked();
}

std::string DefaultSocketPath() {
  const char* const named = std::getenv("MADOGUCHI_SOCKET");
  if (named != nullptr && *named != '\0') return named;
  const char* const runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && *runtime != '\0') {
    const std::string path = std::string(runtime) + "/madoguchi/desk.sock";
    if (access(path.c_str(), F_OK) == 0) return path;
  }
  return "/run/madoguchi/desk.sock";
}

}  // namespace madoguchi::screen
