#include "authority/serve/local_door.h"

#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace madoguchi::authority {
namespace {

constexpr int kBacklog = 64;
constexpr int kPauseMs = 100;

absl::Status Cannot(const std::string& path, const std::string& what) {
  return absl::UnavailableError("cannot listen on " + path + ": " + what + ": " +
                                std::strerror(errno));
}

// Removes what a dead server left at `path`.
absl::Status ClearTheWay(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return absl::OkStatus();
  if (!S_ISSOCK(status.st_mode)) {
    return absl::AlreadyExistsError("cannot listen on " + path + ": a file that is no socket " +
                                    "is there");
  }
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return Cannot(path, "socket");
  const int connected =
      connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = errno;
  close(probe);
  if (connected == 0 || error != ECONNREFUSED) {
    return absl::AlreadyExistsError("cannot listen on " + path +
                                    ": another server listens there already");
  }
  if (unlink(path.c_str()) != 0) return Cannot(path, "unlink");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ListeningSocket>> ListeningSocket::Open(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError("the path of a socket has at most 107 bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  if (auto status = ClearTheWay(path, address); !status.ok()) return status;
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return Cannot(path, "socket");
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    const absl::Status status = Cannot(path, "bind");
    close(fd);
    return status;
  }
  std::unique_ptr<ListeningSocket> listening(new ListeningSocket(path, fd));
  if (chmod(path.c_str(), 0666) != 0) return Cannot(path, "chmod");
  if (listen(fd, kBacklog) != 0) return Cannot(path, "listen");
  return listening;
}

ListeningSocket::~ListeningSocket() {
  unlink(path_.c_str());
  close(fd_);
}

void LocalDoor::Admit(int listening) {
  for (;;) {
    const int fd = accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN) return;
      // Out of descriptors, say: who waits at the door would else keep the loop spinning.
      std::fprintf(stderr, "accept: %s\n", std::strerror(errno));
      poll(nullptr, 0, kPauseMs);
      return;
    }
    ucred peer{};
    socklen_t length = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
      close(fd);
      continue;
    }
    grpc::AddInsecureChannelFromFd(HouseOf(peer.uid), fd);
  }
}

grpc::Server* LocalDoor::HouseOf(uid_t uid) {
  std::optional<EnrolledHost> host;
  if (const auto found = settings_.hosts_by_uid.find(uid); found != settings_.hosts_by_uid.end()) {
    host = found->second;
  }
  House& house = houses_[host ? std::optional(uid) : std::nullopt];
  if (!house.server) {
    house.service = std::make_unique<AuthorityService>(
        eligibility_, delay_, [host](const grpc::ServerContext&) { return host; });
    grpc::ServerBuilder builder;
    builder.RegisterService(house.service.get());
    builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::NUM_CQS, 1);
    builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MIN_POLLERS, 1);
    house.server = builder.BuildAndStart();
  }
  return house.server.get();
}

void LocalDoor::Shutdown(std::chrono::system_clock::time_point deadline) {
  for (auto& [uid, house] : houses_) house.server->Shutdown(deadline);
  houses_.clear();
}

}  // namespace madoguchi::authority
