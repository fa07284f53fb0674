#include "host/desk/local_door.h"

#include <fcntl.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "host/desk/service.h"

namespace madoguchi {
namespace {

constexpr std::chrono::milliseconds kLastWords(200);

absl::Status SystemError(const std::string& path) {
  const std::string why = std::strerror(errno);
  return absl::UnavailableError(
      path + ": the desk's socket cannot be opened there: " + why +
      "; set another path in desk.socket, or see that its folder is there and may be written");
}

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  return address;
}

class OneUser final : public Callers {
 public:
  explicit OneUser(Caller caller) : caller_(std::move(caller)) {}
  absl::StatusOr<Caller> Identify(const grpc::ServerContextBase&) const override { return caller_; }

 private:
  const Caller caller_;
};

}  // namespace

// The server of one user.
class LocalDoor::Entrance {
 public:
  Entrance(const House& house, Caller caller)
      : callers_(std::move(caller)), service_(house, callers_) {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
  }
  ~Entrance() { server_->Shutdown(std::chrono::system_clock::now() + kLastWords); }
  void Take(int fd) { grpc::AddInsecureChannelFromFd(server_.get(), fd); }

 private:
  const OneUser callers_;
  DeskService service_;
  std::unique_ptr<grpc::Server> server_;
};

LocalDoor::LocalDoor(std::string path, Guests guests)
    : path_(std::move(path)),
      guests_(std::move(guests)),
      stop_event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

absl::StatusOr<std::unique_ptr<LocalDoor>> LocalDoor::Open(const std::string& path,
                                                           const House& house, Guests guests) {
  std::unique_ptr<LocalDoor> door(new LocalDoor(path, std::move(guests)));
  const sockaddr_un address = AddressOf(path);
  const auto* const name = reinterpret_cast<const sockaddr*>(&address);
  const Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(probe.get(), name, sizeof(address)) == 0) {
    return absl::AlreadyExistsError(path + ": another madoguchid serves there; stop it first");
  }
  struct stat facts;
  if (lstat(path.c_str(), &facts) == 0) {
    if (!S_ISSOCK(facts.st_mode)) {
      return absl::AlreadyExistsError(path + ": there is a file that is no socket");
    }
    unlink(path.c_str());
  }
  door->listener_ = Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (bind(door->listener_.get(), name, sizeof(address)) != 0 || chmod(path.c_str(), 0666) != 0 ||
      listen(door->listener_.get(), 64) != 0) {
    return SystemError(path);
  }
  for (const auto& [uid, roles] : door->guests_.roles) {
    door->entrances_[uid] =
        std::make_unique<Entrance>(house, Caller{"uid " + std::to_string(uid), roles});
  }
  door->accepting_ = std::jthread(
      [raw = door.get()](std::stop_token stopping) { raw->Accept(std::move(stopping)); });
  return door;
}

LocalDoor::~LocalDoor() {
  accepting_.request_stop();
  const uint64_t one = 1;
  (void)!write(stop_event_.get(), &one, sizeof(one));
  if (accepting_.joinable()) {
    accepting_.join();
    unlink(path_.c_str());
  }
}

void LocalDoor::Accept(std::stop_token stopping) {
  pollfd watched[] = {{listener_.get(), POLLIN, 0}, {stop_event_.get(), POLLIN, 0}};
  while (!stopping.stop_requested()) {
    if (poll(watched, 2, -1) <= 0 || (watched[0].revents & POLLIN) == 0) continue;
    const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      Welcome(fd);
    } else if (errno == EMFILE || errno == ENFILE) {
      // Nothing can be accepted until a connection ends; do not spin meanwhile.
      pollfd stop{stop_event_.get(), POLLIN, 0};
      poll(&stop, 1, 100);
    }
  }
}

void LocalDoor::Welcome(int fd) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  Fd held(fd);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
  if (guests_.is_plugin && guests_.is_plugin(peer.pid)) return;
  const auto entrance = entrances_.find(peer.uid);
  if (entrance == entrances_.end()) return;
  // gRPC owns the descriptor from here on.
  entrance->second->Take(held.Release());
}

}  // namespace madoguchi
