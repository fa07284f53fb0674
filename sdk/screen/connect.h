#ifndef MADOGUCHI_SDK_SCREEN_CONNECT_H_
#define MADOGUCHI_SDK_SCREEN_CONNECT_H_

#include <grpcpp/channel.h>

#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sdk/screen/device_file.h"

// How a screen reaches its host: by the local socket, or over TCP with the certificates of a device
// file. Failures are HOST_UNREACHABLE (nobody listens) and HOST_FOREIGN (somebody else does).
namespace madoguchi::screen {

// A channel over the Unix stream socket `path`. The kernel is asked who listens there
// (SO_PEERCRED): only our own user and root are believed. The channel lives on this one connection:
// when the host goes, every call on it fails for ever.
absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(const std::string& path);

// A channel with mutual TLS to `address` (host:port; empty: the device file's). It believes only
// the device file's CA, and only a certificate for the DNS name "madoguchi-host". It connects at
// the first call, and again by itself. INVALID_ARGUMENT when there is no address at all.
absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(const DeviceFile& device,
                                                       const std::string& address = "");

// One host, again and again: makes the channel, and another one when it broke. Thread-safe.
class DeskConnection {
 public:
  static std::unique_ptr<DeskConnection> Local(const std::string& socket_path);
  static std::unique_ptr<DeskConnection> Remote(const DeviceFile& device,
                                                const std::string& address = "");

  // The channel in use; the first call connects.
  absl::StatusOr<std::shared_ptr<grpc::Channel>> Channel();
  // A channel that is not `broken`: what another thread has made meanwhile, else a new one.
  absl::StatusOr<std::shared_ptr<grpc::Channel>> Renew(
      const std::shared_ptr<grpc::Channel>& broken);

  // The host key that prompts must be signed with; empty for the local socket.
  const std::string& pinned_host_key() const { return device_.host_public_key(); }
  // What a person calls it: the socket's path or host:port.
  const std::string& address() const { return address_; }
  bool local() const { return local_; }

 private:
  DeskConnection() = default;
  absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeLocked();

  bool local_ = true;
  std::string address_;
  DeviceFile device_;
  std::mutex mutex_;
  std::shared_ptr<grpc::Channel> channel_;  // guarded by mutex_
};

// Where the local desk listens unless told otherwise: $MADOGUCHI_SOCKET, else
// $XDG_RUNTIME_DIR/madoguchi/desk.sock when that is there, else /run/madoguchi/desk.sock.
std::string DefaultSocketPath();

}  // namespace madoguchi::screen

#endif  // MADOGUCHI_SDK_SCREEN_CONNECT_H_
