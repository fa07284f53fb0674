#include "sdk/sim/control/control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <utility>

namespace madoguchi::sim {
namespace {

constexpr size_t kLongestLine = 4096;

}  // namespace

absl::StatusOr<Control> Control::Listen(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError("the control path is longer than a socket's may be: " + path);
  }
  memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  unlink(path.c_str());
  const mode_t mask = umask(0077);
  const int bound = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  umask(mask);
  if (bound != 0 || listen(fd, 16) != 0) {
    const absl::Status failure =
        absl::UnavailableError("cannot listen on " + path + ": " + strerror(errno));
    close(fd);
    return failure;
  }
  return Control(fd, path);
}

Control::Control(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

Control::Control(Control&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      clients_(std::move(other.clients_)) {}

Control::~Control() {
  if (fd_ < 0) return;
  for (const Client& client : clients_) close(client.fd);
  close(fd_);
  unlink(path_.c_str());
}

void Control::AddTo(std::vector<pollfd>& polled) const {
  polled.push_back({.fd = fd_, .events = POLLIN, .revents = 0});
  for (const Client& client : clients_) {
    polled.push_back({.fd = client.fd, .events = POLLIN, .revents = 0});
  }
}

void Control::Serve(const Command& command) {
  int fd;
  while ((fd = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    clients_.push_back({fd, ""});
  }
  for (auto client = clients_.begin(); client != clients_.end();) {
    if (ServeClient(*client, command)) {
      ++client;
    } else {
      close(client->fd);
      client = clients_.erase(client);
    }
  }
}

bool Control::ServeClient(Client& client, const Command& command) {
  char part[512];
  ssize_t count;
  while ((count = recv(client.fd, part, sizeof part, 0)) > 0) {
    client.line.append(part, static_cast<size_t>(count));
    for (size_t end; (end = client.line.find('\n')) != std::string::npos;) {
      const std::string answer = command(client.line.substr(0, end)) + "\n";
      client.line.erase(0, end + 1);
      if (send(client.fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return false;
    }
    if (client.line.size() > kLongestLine) return false;
  }
  return count < 0 && (errno == EAGAIN || errno == EINTR);
}

}  // namespace madoguchi::sim
