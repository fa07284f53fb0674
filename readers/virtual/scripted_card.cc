#include "readers/virtual/scripted_card.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace madoguchi::vpcd {

const ScriptedCard::Bytes& ScriptedCard::Atr() {
  static const auto* const atr = new Bytes{0x3B, 0x04, 'T', 'e', 's', 't'};
  return *atr;
}

ScriptedCard::ScriptedCard(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return;
  std::copy(path.begin(), path.end(), address.sun_path);
  fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) Pull();
}

std::optional<ScriptedCard::Bytes> ScriptedCard::Hear() {
  while (true) {
    if (auto message = decoder_.Next()) return message;
    pollfd watched{fd_, POLLIN, 0};
    if (poll(&watched, 1, 5000) <= 0) return std::nullopt;
    std::array<uint8_t, 4096> buffer;
    const ssize_t size = recv(fd_, buffer.data(), buffer.size(), 0);
    if (size <= 0) return std::nullopt;
    decoder_.Feed({buffer.data(), static_cast<size_t>(size)});
  }
}

void ScriptedCard::Say(const Bytes& message) {
  std::array<uint8_t, kLengthSize> length;
  PutLength(message.size(), length);
  Bytes framed(length.begin(), length.end());
  framed.insert(framed.end(), message.begin(), message.end());
  SayRaw(framed);
}

void ScriptedCard::SayRaw(const Bytes& bytes) {
  send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

bool ScriptedCard::Greet(const Bytes& atr) {
  if (Hear() != Bytes{1} || Hear() != Bytes{4}) return false;
  Say(atr);
  return true;
}

bool ScriptedCard::IsRefused() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(4);
  while (Hear().has_value()) {
  }
  return std::chrono::steady_clock::now() < deadline;
}

void ScriptedCard::Pull() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

}  // namespace madoguchi::vpcd
