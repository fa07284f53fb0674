#include "sdk/launch/bus_proxy.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace madoguchi {
namespace {

constexpr char kProgram[] = "/usr/bin/xdg-dbus-proxy";
constexpr int kReadyMs = 5000, kEndMs = 1000;
constexpr int kFirstFree = 10;

absl::Status SystemError(const std::string& what) {
  return absl::UnavailableError(what + ": " + std::strerror(errno));
}

std::string SystemBus() {
  const char* const told = std::getenv("DBUS_SYSTEM_BUS_ADDRESS");
  return told != nullptr && *told != '\0' ? told : "unix:path=/run/dbus/system_bus_socket";
}

bool IsReadable(int fd, int patience_ms) {
  pollfd watched{fd, POLLIN, 0};
  return poll(&watched, 1, patience_ms) > 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<BusProxy>> BusProxy::Start(const std::string& socket) {
  if (socket.size() >= sizeof(sockaddr_un::sun_path)) {
    return absl::UnavailableError("the path " + socket +
                                  " is too long for a socket; expected at most 107 bytes");
  }
  const std::string folder = std::filesystem::path(socket).parent_path();
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(folder).parent_path(), error);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return SystemError(folder);
  if (access(kProgram, X_OK) != 0) {
    return absl::UnavailableError(std::string(kProgram) +
                                  " is missing; a plugin with bluetooth needs the package "
                                  "xdg-dbus-proxy");
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return SystemError("pipe");
  std::unique_ptr<BusProxy> proxy(new BusProxy);
  proxy->leash_ = Fd(ends[0]);
  Fd low(ends[1]);
  Fd theirs(fcntl(low.get(), F_DUPFD_CLOEXEC, kFirstFree));

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, theirs.get(), 3);
  posix_spawn_file_actions_addclosefrom_np(&actions, 4);
  auto child = SpawnChild({kProgram, "--fd=3", SystemBus(), socket, "--filter", "--talk=org.bluez"},
                          actions);
  posix_spawn_file_actions_destroy(&actions);
  if (!child.ok()) return child.status();
  proxy->pid_ = child->pid;
  proxy->pid_fd_ = std::move(child->pid_fd);
  // It writes a byte when it listens. Only its end of the pipe must be open for its death to show.
  theirs.Reset();
  low.Reset();
  char ready = 0;
  if (!IsReadable(proxy->leash_.get(), kReadyMs) || read(proxy->leash_.get(), &ready, 1) != 1) {
    return absl::UnavailableError(std::string(kProgram) + " did not begin to listen at " + socket);
  }
  return proxy;
}

BusProxy::~BusProxy() {
  leash_.Reset();
  if (pid_ <= 0) return;
  if (!IsReadable(pid_fd_.get(), kEndMs)) kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

bool BusProxy::HasEnded() const { return IsReadable(pid_fd_.get(), 0); }

}  // namespace madoguchi
