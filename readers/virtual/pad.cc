#include "readers/virtual/pad.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>

#include "sdk/failure/failure.h"

namespace madoguchi::vpcd {
namespace {

using namespace check::v1;  // NOLINT: the failure codes.
using Clock = std::chrono::steady_clock;

constexpr size_t kLongestLine = 16;
constexpr std::string_view kCancel = "cancel";

int MillisecondsUntil(Clock::time_point until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  return static_cast<int>(std::max<int64_t>(left, 0));
}

// What is pressed, or nothing while the line is not whole: read where it stays.
enum class Line { kPart, kWhole, kBroken };
Line ReadLine(int fd, Secret* keys, size_t* size) {
  while (true) {
    uint8_t* const next = keys->bytes().data() + *size;
    const ssize_t got = recv(fd, next, 1, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return Line::kPart;
    if (got <= 0) return Line::kBroken;
    if (*next == '\n') return Line::kWhole;
    if (++*size > kLongestLine) return Line::kBroken;
  }
}

absl::StatusOr<Secret> Judge(Secret keys, size_t size, const reader::v1::PadForm& form) {
  const auto line = std::span<const uint8_t>(keys.bytes()).first(size);
  if (std::equal(line.begin(), line.end(), kCancel.begin(), kCancel.end())) {
    return FailureStatus(FAILURE_CODE_PIN_PAD_CANCELLED);
  }
  const bool digits =
      std::all_of(line.begin(), line.end(), [](uint8_t key) { return key >= '0' && key <= '9'; });
  if (!digits || size < form.shortest() || size > form.longest()) {
    return FailureStatus(FAILURE_CODE_PIN_FORM, "at the pad");
  }
  keys.Shrink(size);
  return keys;
}

}  // namespace

absl::StatusOr<int> ListenAt(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError("a socket's path has at most 107 bytes");
  }
  std::copy(path.begin(), path.end(), address.sun_path);
  // A socket of an earlier run is replaced, anything else is not ours.
  struct stat there;
  if (lstat(path.c_str(), &there) == 0 && S_ISSOCK(there.st_mode)) unlink(path.c_str());
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  // The mode of the socket becomes the mode of the file: nobody gets in between.
  if (listener < 0 || fchmod(listener, 0600) != 0 ||
      bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(listener, 4) != 0) {
    const int error = errno;
    if (listener >= 0) close(listener);
    return absl::InvalidArgumentError(path + ": " + std::strerror(error));
  }
  return listener;
}

absl::StatusOr<std::unique_ptr<Pad>> Pad::Listen(const std::string& path) {
  const auto listener = ListenAt(path);
  if (!listener.ok()) return listener.status();
  return std::unique_ptr<Pad>(new Pad(*listener));
}

Pad::~Pad() { close(listener_); }

absl::StatusOr<Secret> Pad::Ask(const reader::v1::PadForm& form, int cancelled, int card) {
  int early;
  while ((early = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0) close(early);
  auto keys = Secret::OfSize(kLongestLine + 1);
  if (!keys.ok()) return keys.status();
  const auto until = Clock::now() + std::chrono::seconds(form.patience_s());
  int person = -1;
  size_t size = 0;
  absl::StatusOr<Secret> typed = FailureStatus(FAILURE_CODE_PIN_NOT_TYPED, "at the pad");
  for (bool asking = true; asking;) {
    std::array<pollfd, 3> watched = {pollfd{person >= 0 ? person : listener_, POLLIN, 0},
                                     pollfd{cancelled, POLLIN, 0}, pollfd{card, POLLRDHUP, 0}};
    const int events = poll(watched.data(), watched.size(), MillisecondsUntil(until));
    if (events < 0 && errno == EINTR) continue;
    if (events <= 0) break;
    if (watched[1].revents != 0) {
      typed = FailureStatus(FAILURE_CODE_CANCELLED, "the session was closed");
      break;
    }
    if (watched[2].revents != 0) {
      typed = FailureStatus(FAILURE_CODE_CARD_GONE, "the card was taken away");
      break;
    }
    if (person < 0) {
      person = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      continue;
    }
    switch (ReadLine(person, &*keys, &size)) {
      case Line::kPart:
        break;
      case Line::kWhole:
        (void)send(person, "ok\n", 3, MSG_NOSIGNAL | MSG_DONTWAIT);
        typed = Judge(*std::move(keys), size, form);
        asking = false;
        break;
      case Line::kBroken:
        // Whoever it was is gone, or presses more keys than there are: the next one may.
        close(person);
        person = -1;
        size = 0;
    }
  }
  if (person >= 0) close(person);
  return typed;
}

}  // namespace madoguchi::vpcd
