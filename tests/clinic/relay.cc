#include "tests/clinic/relay.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>

namespace madoguchi::clinic {
namespace {

// A TCP socket of that namespace. Only the calling thread moves, and it ends soon after.
int SocketIn(const std::string& netns) {
  if (!netns.empty()) {
    const int ns = open(("/run/netns/" + netns).c_str(), O_RDONLY | O_CLOEXEC);
    if (ns < 0) return -1;
    const int moved = setns(ns, CLONE_NEWNET);
    close(ns);
    if (moved != 0) return -1;
  }
  return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

bool Pass(int from, int to) {
  char part[16384];
  const ssize_t size = read(from, part, sizeof(part));
  if (size <= 0) return false;
  for (ssize_t done = 0; done < size;) {
    const ssize_t sent = send(to, part + done, size - done, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    done += sent;
  }
  return true;
}

}  // namespace

Relay::Relay(std::string netns, std::string socket_path, std::string address, int port)
    : netns_(std::move(netns)),
      path_(std::move(socket_path)),
      address_(std::move(address)),
      port_(port),
      listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path_.copy(name.sun_path, sizeof(name.sun_path) - 1);
  unlink(path_.c_str());
  if (bind(listener_, reinterpret_cast<sockaddr*>(&name), sizeof(name)) != 0) abort();
  if (listen(listener_, 8) != 0) abort();
  acceptor_ = std::thread([this] { Accept(); });
}

Relay::~Relay() {
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  close(listener_);
  Cut();
  for (std::thread& carrier : carriers_) carrier.join();
}

void Relay::Cut() {
  whole_ = false;
  std::lock_guard<std::mutex> lock(mutex_);
  for (const int fd : open_) shutdown(fd, SHUT_RDWR);
}

void Relay::Accept() {
  while (true) {
    const int here = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (here < 0) return;
    std::lock_guard<std::mutex> lock(mutex_);
    carriers_.emplace_back([this, here] { Carry(here); });
  }
}

void Relay::Carry(int here) {
  const int there = SocketIn(netns_);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<uint16_t>(port_));
  inet_pton(AF_INET, address_.c_str(), &name.sin_addr);
  const bool connected =
      whole_ && there >= 0 && connect(there, reinterpret_cast<sockaddr*>(&name), sizeof(name)) == 0;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    open_.insert(open_.end(), {here, there});
  }
  pollfd ends[] = {{here, POLLIN, 0}, {there, POLLIN, 0}};
  while (connected && whole_ && poll(ends, 2, -1) > 0) {
    if (ends[0].revents != 0 && !Pass(here, there)) break;
    if (ends[1].revents != 0 && !Pass(there, here)) break;
  }
  std::lock_guard<std::mutex> lock(mutex_);
  std::erase_if(open_, [&](int fd) { return fd == here || fd == there; });
  close(here);
  if (there >= 0) close(there);
}

}  // namespace madoguchi::clinic
