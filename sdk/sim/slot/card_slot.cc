#include "sdk/sim/slot/card_slot.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace madoguchi::sim {
namespace {

constexpr itimerspec kAtrPatience = {.it_interval = {}, .it_value = {.tv_sec = 2, .tv_nsec = 0}};
constexpr itimerspec kNoTimer = {};

absl::Status Failure(const std::string& what) {
  return absl::UnavailableError(what + ": " + std::strerror(errno));
}

}  // namespace

CardSlot::CardSlot()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  epoll_event event{EPOLLIN, {.fd = timer_}};
  epoll_ctl(epoll_, EPOLL_CTL_ADD, timer_, &event);
}

CardSlot::~CardSlot() {
  if (card_ >= 0) close(card_);
  for (const int door : doors_) close(door);
  for (const std::string& path : paths_) unlink(path.c_str());
  close(timer_);
  close(epoll_);
}

absl::Status CardSlot::Watch(int fd, const std::string& name) {
  epoll_event event{EPOLLIN, {.fd = fd}};
  if (listen(fd, 16) == 0 && epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0) {
    doors_.push_back(fd);
    return absl::OkStatus();
  }
  absl::Status failure = Failure(name);
  close(fd);
  return failure;
}

absl::Status CardSlot::Listen(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError("a card's socket: expected a path of 1 to 107 bytes");
  }
  std::copy(path.begin(), path.end(), address.sun_path);
  struct stat there;
  if (lstat(path.c_str(), &there) == 0 && S_ISSOCK(there.st_mode)) unlink(path.c_str());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  // The mode of the socket becomes the mode of the file: nobody gets in between.
  if (fd < 0 || fchmod(fd, 0600) != 0 ||
      bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    absl::Status failure = Failure(path);
    if (fd >= 0) close(fd);
    return failure;
  }
  paths_.push_back(path);
  return Watch(fd, path);
}

absl::StatusOr<uint16_t> CardSlot::ListenOnPort(uint16_t port) {
  const std::string name = "127.0.0.1:" + std::to_string(port);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int on = 1;
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      bind(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    absl::Status failure = Failure(name);
    if (fd >= 0) close(fd);
    return failure;
  }
  absl::Status status = Watch(fd, name);
  if (!status.ok()) return status;
  return ntohs(address.sin_port);
}

void CardSlot::Take(int fd) {
  Leave();
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));  // of no meaning to a path's socket
  epoll_event event{EPOLLIN | EPOLLRDHUP, {.fd = fd}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
    close(fd);
    return;
  }
  card_ = fd;
  phase_ = Phase::kGreeting;
  timerfd_settime(timer_, 0, &kAtrPatience, nullptr);
  const uint8_t ask = static_cast<uint8_t>(vpcd::Control::kAskAtr);
  Put({&ask, 1});
}

std::optional<CardSlot::Event> CardSlot::Next() {
  if (events_.empty()) {
    std::array<epoll_event, 8> ready;
    const int count = epoll_wait(epoll_, ready.data(), ready.size(), 0);
    for (int i = 0; i < count; ++i) {
      const int fd = ready[i].data.fd;
      if (fd == timer_) {
        timerfd_settime(timer_, 0, &kNoTimer, nullptr);
        if (phase_ == Phase::kGreeting) Arrive(Phase::kMute, {});
      } else if (fd == card_) {
        Hear();
      } else if (std::find(doors_.begin(), doors_.end(), fd) != doors_.end()) {
        const int card = accept4(fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (card >= 0) Take(card);
      }
    }
  }
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void CardSlot::Hear() {
  std::array<uint8_t, 4096> buffer;
  const ssize_t size = recv(card_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) return Leave();
  if (phase_ == Phase::kMute) return;
  decoder_.Feed({buffer.data(), static_cast<size_t>(size)});
  while (card_ >= 0 && phase_ != Phase::kMute) {
    auto message = decoder_.Next();
    if (!message.has_value()) break;
    Heed(*std::move(message));
  }
}

void CardSlot::Heed(Bytes message) {
  switch (phase_) {
    case Phase::kGreeting:
      if (vpcd::IsAtr(message)) return Arrive(Phase::kReady, std::move(message));
      return Arrive(Phase::kMute, {});
    case Phase::kSettling:
      if (message != atr_) {
        // More than were asked for: it speaks by itself.
        if (++late_ > owed_) Leave();
        return;
      }
      phase_ = Phase::kReady;
      owed_ = 0;
      if (wanted_) {
        wanted_ = false;
        Send(std::exchange(held_, {}));
      }
      return;
    case Phase::kReady:
      // It spoke before it was asked: nobody knows to what its answers belong.
      if (owed_ == 0) return Leave();
      --owed_;
      if (wanted_ && owed_ == 0) {
        wanted_ = false;
        events_.push_back({Event::Kind::kAnswer, std::move(message)});
      }
      return;
    case Phase::kNone:
    case Phase::kMute:
      return;
  }
}

void CardSlot::Arrive(Phase phase, Bytes atr) {
  timerfd_settime(timer_, 0, &kNoTimer, nullptr);
  phase_ = phase;
  atr_ = atr;
  events_.push_back({Event::Kind::kArrived, std::move(atr)});
}

void CardSlot::Leave() {
  if (card_ < 0) return;
  close(std::exchange(card_, -1));
  timerfd_settime(timer_, 0, &kNoTimer, nullptr);
  // One that left before it said its ATR was never there.
  if (phase_ != Phase::kGreeting) events_.push_back({Event::Kind::kLeft});
  phase_ = Phase::kNone;
  atr_.clear();
  decoder_ = {};
  wanted_ = false;
  owed_ = 0;
  late_ = 0;
  held_.clear();
}

void CardSlot::Put(std::span<const uint8_t> message) {
  Bytes whole(vpcd::kLengthSize + message.size());
  vpcd::PutLength(message.size(), std::span<uint8_t, vpcd::kLengthSize>(whole.data(), 2));
  std::copy(message.begin(), message.end(), whole.begin() + vpcd::kLengthSize);
  // One that does not take it reads nothing any more.
  const ssize_t sent = send(card_, whole.data(), whole.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  std::fill(whole.begin(), whole.end(), 0);
  if (sent != static_cast<ssize_t>(whole.size())) Leave();
}

void CardSlot::Tell(vpcd::Control control) {
  if (!powered()) return;
  Abandon();
  const uint8_t code = static_cast<uint8_t>(control);
  Put({&code, 1});
  if (card_ < 0 || owed_ == 0 || phase_ == Phase::kSettling) return;
  phase_ = Phase::kSettling;
  late_ = 0;
  const uint8_t ask = static_cast<uint8_t>(vpcd::Control::kAskAtr);
  Put({&ask, 1});
}

bool CardSlot::Send(std::span<const uint8_t> apdu) {
  if (!powered() || wanted_ || apdu.size() < kShortestApdu || apdu.size() > kLongestApdu) {
    return false;
  }
  wanted_ = true;
  if (phase_ == Phase::kSettling) {
    held_.assign(apdu.begin(), apdu.end());
    return true;
  }
  ++owed_;
  Put(apdu);
  return true;
}

void CardSlot::Abandon() {
  wanted_ = false;
  held_.clear();
}

}  // namespace madoguchi::sim
