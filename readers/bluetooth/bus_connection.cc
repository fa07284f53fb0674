#include "readers/bluetooth/bus_connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace madoguchi::bluetooth {
namespace {

using Clock = std::chrono::steady_clock;

// D-Bus specification, "Authentication Protocol": each line ends with these two.
constexpr char kEnd[] = "\r\n";
// Without an identity: that of the socket.
const std::string kAuth("\0AUTH EXTERNAL\r\n", 16);
constexpr char kData[] = "DATA\r\n";
constexpr char kBegin[] = "BEGIN\r\n";
constexpr size_t kLongestLine = 4096;
// The end of sd-bus's authentication, and its first message with it, come in fewer turns.
constexpr int kMostTurns = 16;

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

absl::Status Unavailable(const std::string& what, int error = 0) {
  return absl::UnavailableError(error == 0 ? what : what + ": " + std::strerror(error));
}

bool SendAll(int fd, const std::string& text) {
  return send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

// One line of the daemon's, without its end; nothing behind it is taken.
absl::StatusOr<std::string> ReadLine(int fd, Clock::time_point until) {
  std::string line;
  while (line.size() < 2 || line.compare(line.size() - 2, 2, kEnd) != 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd watched{fd, POLLIN, 0};
    if (left <= 0 || poll(&watched, 1, static_cast<int>(left)) == 0) {
      return Unavailable("the daemon does not answer");
    }
    char byte;
    const ssize_t size = recv(fd, &byte, 1, MSG_DONTWAIT);
    if (size == 0) return Unavailable("the daemon hung up");
    if (size < 0 && errno != EAGAIN && errno != EINTR) return Unavailable("recv", errno);
    if (size == 1) line += byte;
    if (line.size() > kLongestLine) return Unavailable("the daemon says too much");
  }
  line.resize(line.size() - 2);
  return line;
}

// The daemon's word OK, with its GUID, after which messages can go.
absl::StatusOr<std::string> Authenticate(int fd, Clock::time_point until) {
  if (!SendAll(fd, kAuth)) return Unavailable("send", errno);
  auto line = ReadLine(fd, until);
  if (line.ok() && *line == "DATA") {
    if (!SendAll(fd, kData)) return Unavailable("send", errno);
    line = ReadLine(fd, until);
  }
  if (!line.ok()) return line;
  if (line->compare(0, 3, "OK ") != 0) return Unavailable("the daemon refuses this user");
  if (!SendAll(fd, kBegin)) return Unavailable("send", errno);
  return line;
}

// What lies in `fd` now, behind what is in `bytes`.
void Receive(int fd, std::string* bytes) {
  char some[1024];
  ssize_t size;
  while ((size = recv(fd, some, sizeof(some), MSG_DONTWAIT)) > 0) bytes->append(some, size);
}

}  // namespace

void CloseBus::operator()(sd_bus* bus) const { sd_bus_close_unref(bus); }

absl::StatusOr<BusConnection> ConnectBus(const std::string& socket_path,
                                         std::chrono::milliseconds patience) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof(address.sun_path)) return Unavailable("too long a path");
  std::copy(socket_path.begin(), socket_path.end(), address.sun_path);
  const Descriptor daemon(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (daemon.get() < 0 ||
      connect(daemon.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    return Unavailable(socket_path, errno);
  }
  const auto ok = Authenticate(daemon.get(), Clock::now() + patience);
  if (!ok.ok()) return ok.status();

  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
    return Unavailable("socketpair", errno);
  }
  const int theirs = pair[0];  // becomes sd-bus's
  const Descriptor ours(pair[1]);
  sd_bus* made = nullptr;
  int result = sd_bus_new(&made);
  if (result < 0) {
    close(theirs);
    return Unavailable("sd_bus_new", -result);
  }
  BusConnection bus(made);
  result = sd_bus_set_fd(made, theirs, theirs);
  if (result < 0) {
    close(theirs);
    return Unavailable("sd_bus_set_fd", -result);
  }
  sd_bus_set_bus_client(made, 1);
  sd_bus_negotiate_fds(made, 0);
  result = sd_bus_start(made);
  if (result < 0) return Unavailable("sd_bus_start", -result);

  if (!SendAll(ours.get(), kData + *ok + kEnd)) return Unavailable("send", errno);
  std::string said;
  size_t begin = std::string::npos;
  for (int turn = 0; turn < kMostTurns; ++turn) {
    result = sd_bus_process(made, nullptr);
    if (result < 0) return Unavailable("sd_bus_process", -result);
    Receive(ours.get(), &said);
    begin = said.find(kBegin);
    // Behind it stands the first message, Hello; it goes to the daemon with all that is there.
    if (begin != std::string::npos && said.size() > begin + std::strlen(kBegin)) break;
  }
  if (begin == std::string::npos) return Unavailable("sd-bus does not begin");
  if (!SendAll(daemon.get(), said.substr(begin + std::strlen(kBegin)))) {
    return Unavailable("send", errno);
  }
  if (dup3(daemon.get(), theirs, O_CLOEXEC) < 0) return Unavailable("dup3", errno);
  return bus;
}

}  // namespace madoguchi::bluetooth
