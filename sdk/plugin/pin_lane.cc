#include "sdk/plugin/pin_lane.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "sdk/failure/failure.h"
#include "sdk/secret/seal.h"

namespace madoguchi::plugin {
namespace {

absl::Status Invalid(const std::string& detail) {
  return FailureStatus(check::v1::FAILURE_CODE_REQUEST_INVALID, detail);
}

}  // namespace

absl::StatusOr<Secret> PinLane::Take(const std::string& token, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (const auto found = waiting_.find(token); found != waiting_.end()) {
      Secret pin = std::move(found->second);
      waiting_.erase(found);
      return pin;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return Invalid("no PIN came for this token");
    // Short turns, so that another session's Take can read its own packet meanwhile.
    pollfd watched{fd_, POLLIN, 0};
    if (poll(&watched, 1, static_cast<int>(std::min<int64_t>(left.count(), 20))) <= 0) continue;
    absl::StatusOr<Secret> packet = Secret::OfSize(kPinTokenSize + kLongestPin);
    if (!packet.ok()) return packet.status();
    const ssize_t size =
        recv(fd_, packet->bytes().data(), packet->size(), MSG_DONTWAIT | MSG_TRUNC);
    if (size == 0) return Invalid("the PIN lane is closed");
    if (size < 0) {
      if (errno == EAGAIN || errno == EINTR) continue;
      return Invalid("the PIN lane is broken");
    }
    if (static_cast<size_t>(size) <= kPinTokenSize || static_cast<size_t>(size) > packet->size()) {
      continue;
    }
    absl::StatusOr<Secret> pin = Secret::OfSize(size - kPinTokenSize);
    if (!pin.ok()) return pin.status();
    std::copy_n(packet->bytes().begin() + kPinTokenSize, pin->size(), pin->bytes().begin());
    std::string owner(packet->bytes().begin(), packet->bytes().begin() + kPinTokenSize);
    if (waiting_.size() < kMostWaiting) waiting_.insert_or_assign(owner, *std::move(pin));
  }
}

absl::StatusOr<Secret> FillPin(std::span<const uint8_t> apdu_template, uint32_t pin_offset,
                               const Secret& pin) {
  if (pin_offset < 5 || apdu_template.size() != pin_offset || pin.empty() ||
      pin.size() > kLongestPin || apdu_template.size() > 64) {
    return Invalid("the template is no command with an empty data field at pin_offset");
  }
  absl::StatusOr<Secret> command = Secret::OfSize(apdu_template.size() + pin.size());
  if (!command.ok()) return command.status();
  const auto end = std::copy(apdu_template.begin(), apdu_template.end(), command->bytes().begin());
  std::copy(pin.bytes().begin(), pin.bytes().end(), end);
  command->bytes()[pin_offset - 1] = static_cast<uint8_t>(pin.size());
  return command;
}

}  // namespace madoguchi::plugin
