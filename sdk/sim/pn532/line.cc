#include "sdk/sim/pn532/line.h"

#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace madoguchi::pn532 {
namespace {

absl::Status Failure(const std::string& what) {
  return absl::UnavailableError(what + ": " + std::strerror(errno));
}

}  // namespace

absl::Status Line::Plug() {
  if (plugged()) return absl::OkStatus();
  std::array<char, 64> name;
  master_ = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (master_ < 0) return Failure("a pseudo-terminal");
  if (grantpt(master_) != 0 || unlockpt(master_) != 0 ||
      ptsname_r(master_, name.data(), name.size()) != 0 ||
      (slave_ = open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0) {
    absl::Status failure = Failure("a pseudo-terminal");
    Unplug();
    return failure;
  }
  termios settings;
  tcgetattr(slave_, &settings);
  cfmakeraw(&settings);
  tcsetattr(slave_, TCSANOW, &settings);
  device_ = name.data();
  // Names of terminals are used again: nobody may find the link on another's.
  const std::string fresh = link_ + ".new";
  unlink(fresh.c_str());
  if (symlink(device_.c_str(), fresh.c_str()) != 0 || rename(fresh.c_str(), link_.c_str()) != 0) {
    absl::Status failure = Failure(link_);
    Unplug();
    return failure;
  }
  return absl::OkStatus();
}

void Line::Unplug() {
  if (!device_.empty()) unlink(link_.c_str());
  device_.clear();
  if (slave_ >= 0) close(std::exchange(slave_, -1));
  if (master_ >= 0) close(std::exchange(master_, -1));
  coming_.clear();
  going_.clear();
}

Line::Time Line::Through(size_t size, Time now, const std::deque<Piece>& before) const {
  if (baud_ == 0) return now;
  const Time begin = before.empty() ? now : std::max(now, before.back().due);
  return begin + std::chrono::nanoseconds(size * 10 * 1'000'000'000 / baud_);
}

void Line::Read(Time now) {
  std::array<uint8_t, 1024> buffer;
  const ssize_t size = read(master_, buffer.data(), buffer.size());
  if (size <= 0) return;
  const Time due = Through(size, now, coming_);
  coming_.push_back({due, Bytes(buffer.begin(), buffer.begin() + size)});
}

std::optional<Bytes> Line::Heard(Time now) {
  if (coming_.empty() || coming_.front().due > now) return std::nullopt;
  Bytes bytes = std::move(coming_.front().bytes);
  coming_.pop_front();
  return bytes;
}

void Line::Say(Bytes bytes, Time now) {
  if (!plugged()) return;
  const Time due = Through(bytes.size(), now, going_);
  going_.push_back({due, std::move(bytes)});
}

void Line::Turn(Time now) {
  while (!going_.empty() && going_.front().due <= now) {
    Bytes& bytes = going_.front().bytes;
    const ssize_t size = write(master_, bytes.data(), bytes.size());
    // A terminal that nobody reads is full one day, and a real line loses bytes then as well.
    (void)size;
    going_.pop_front();
  }
}

std::optional<Line::Time> Line::next() const {
  std::optional<Time> next;
  for (const auto* pieces : {&coming_, &going_}) {
    if (!pieces->empty()) next = std::min(next.value_or(Time::max()), pieces->front().due);
  }
  return next;
}

}  // namespace madoguchi::pn532
