#include "sdk/conformance/mute_server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "sdk/conformance/wire.h"

namespace madoguchi::conformance {
namespace {

constexpr char kPreface[] = "PRI * HTTP/2.0";

}  // namespace

MuteServer::MuteServer(const std::string& path, bool deaf) {
  if (path.empty()) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    listening_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      return;
    }
    address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  } else {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) return;
    std::copy(path.begin(), path.end(), address.sun_path);
    listening_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return;
    address_ = path;
  }
  if (deaf) return;
  if (listen(listening_, 64) != 0 || pipe2(stop_, O_CLOEXEC) != 0) {
    address_.clear();
    return;
  }
  thread_ = std::thread([this] { Serve(); });
}

MuteServer::~MuteServer() {
  if (stop_[1] >= 0) close(stop_[1]);
  if (thread_.joinable()) thread_.join();
  if (stop_[0] >= 0) close(stop_[0]);
  if (listening_ >= 0) close(listening_);
}

void MuteServer::Serve() {
  std::vector<pollfd> watched = {{stop_[0], 0, 0}, {listening_, POLLIN, 0}};
  while (poll(watched.data(), watched.size(), -1) >= 0 && watched[0].revents == 0) {
    for (size_t i = 2; i < watched.size(); ++i) {
      if (watched[i].revents == 0) continue;
      char bytes[4096];
      const ssize_t size = recv(watched[i].fd, bytes, sizeof(bytes), MSG_DONTWAIT);
      if (size <= 0) {
        close(watched[i].fd);
        watched[i].fd = -1;
      } else if (std::string_view(bytes, static_cast<size_t>(size)).starts_with(kPreface)) {
        WriteAll(watched[i].fd, Frame(4, 0, 0, ""), std::chrono::milliseconds(100));
        greeted_http2_ = true;
      }
    }
    watched.erase(std::remove_if(watched.begin() + 2, watched.end(),
                                 [](const pollfd& one) { return one.fd < 0; }),
                  watched.end());
    if ((watched[1].revents & POLLIN) == 0) continue;
    const int fd = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) continue;
    ++connections_;
    watched.push_back({fd, POLLIN, 0});
  }
  for (size_t i = 2; i < watched.size(); ++i) close(watched[i].fd);
}

}  // namespace madoguchi::conformance
