#include "sdk/sim/card/slot.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <utility>

namespace madoguchi::sim {
namespace {

// A port that nobody listens on may be given to the very socket that asks for it, which then is
// connected with itself.
bool IsConnectedWithItself(int fd) {
  sockaddr_in here{};
  sockaddr_in there{};
  socklen_t here_size = sizeof here;
  socklen_t there_size = sizeof there;
  return getsockname(fd, reinterpret_cast<sockaddr*>(&here), &here_size) == 0 &&
         getpeername(fd, reinterpret_cast<sockaddr*>(&there), &there_size) == 0 &&
         here.sin_family == AF_INET && here.sin_port == there.sin_port &&
         here.sin_addr.s_addr == there.sin_addr.s_addr;
}

}  // namespace

Slot::Slot(uint16_t port, std::string path) : port_(port), path_(std::move(path)) {}
Slot Slot::OnPort(uint16_t port) { return Slot(port, ""); }
Slot Slot::OnPath(std::string path) { return Slot(0, std::move(path)); }
Slot::~Slot() { Close(); }

Slot::Connection Slot::Connect() {
  if (connection_ == Connection::kMade) return connection_;
  if (fd_ < 0) {
    fd_ = socket(path_.empty() ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return connection_ = Connection::kNone;
    int result;
    if (path_.empty()) {
      const int yes = 1;
      setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(port_);
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      result = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    } else {
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
      result = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    }
    if (result != 0 && errno == EINPROGRESS) return connection_ = Connection::kUnderway;
    if (result != 0) {
      Close();
      return connection_;
    }
  } else {
    pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
    if (poll(&ready, 1, 0) == 0) return connection_;
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
      Close();
      return connection_;
    }
  }
  if (path_.empty() && IsConnectedWithItself(fd_)) {
    Close();
    return connection_;
  }
  AcknowledgeAtOnce();
  return connection_ = Connection::kMade;
}

void Slot::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
  connection_ = Connection::kNone;
  decoder_.Clear();
}

void Slot::AcknowledgeAtOnce() {
  if (!path_.empty() || fd_ < 0) return;
  const int yes = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof yes);
}

bool Slot::Receive() {
  AcknowledgeAtOnce();
  const std::span<uint8_t> space = decoder_.Space();
  if (space.empty()) return true;
  const ssize_t count = recv(fd_, space.data(), space.size(), MSG_DONTWAIT);
  if (count > 0) {
    decoder_.Received(static_cast<size_t>(count));
    return true;
  }
  return count < 0 && (errno == EAGAIN || errno == EINTR);
}

bool Slot::Send(std::span<const uint8_t> message) {
  const Bytes bytes = EncodeVpcdMessage(message);
  // Answers are short: a reader that leaves no room for one has stopped reading.
  return send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
         static_cast<ssize_t>(bytes.size());
}

}  // namespace madoguchi::sim
