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

absl::StatusOr<Secret> PinLane::Take(const std::string& token) {
  const Time deadline = std::chrono::steady_clock::now() + patience_;
  while (true) {
    const Time now = std::chrono::steady_clock::now();
    {
      std::lock_guard<std::mutex> lock(mutex_);
      WipeOld(now);
      const absl::Status received = Receive(now);
      const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                      [&](const Waiting& one) { return one.token == token; });
      if (found != waiting_.end()) {
        Secret pin = std::move(found->pin);
        waiting_.erase(found);
        return pin;
      }
      if (!received.ok()) return received;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - now);
    if (left.count() <= 0) return Invalid("no PIN came for this token");
    // Short turns: another session's Take may have put this one's packet into waiting_.
    pollfd watched{fd_, POLLIN, 0};
    poll(&watched, 1, static_cast<int>(std::min<int64_t>(left.count(), 20)));
  }
}

size_t PinLane::Sweep() {
  const Time now = std::chrono::steady_clock::now();
  std::lock_guard<std::mutex> lock(mutex_);
  WipeOld(now);
  (void)Receive(now);  // the next Take says what is wrong
  return waiting_.size();
}

void PinLane::WipeOld(Time now) {
  while (!waiting_.empty() && now - waiting_.front().came >= patience_) waiting_.pop_front();
}

absl::Status PinLane::Receive(Time now) {
  while (true) {
    absl::StatusOr<Secret> packet = Secret::OfSize(kPinTokenSize + kLongestPin);
    if (!packet.ok()) return packet.status();
    const ssize_t size =
        recv(fd_, packet->bytes().data(), packet->size(), MSG_DONTWAIT | MSG_TRUNC);
    if (size == 0) return Invalid("the PIN lane is closed");
    if (size < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return absl::OkStatus();
      return Invalid("the PIN lane is broken");
    }
    if (static_cast<size_t>(size) <= kPinTokenSize || static_cast<size_t>(size) > packet->size()) {
      continue;
    }
    absl::StatusOr<Secret> pin = Secret::OfSize(size - kPinTokenSize);
    if (!pin.ok()) return pin.status();
    std::copy_n(packet->bytes().begin() + kPinTokenSize, pin->size(), pin->bytes().begin());
    std::string token(packet->bytes().begin(), packet->bytes().begin() + kPinTokenSize);
    if (waiting_.size() == kMostWaiting) waiting_.pop_front();
    waiting_.push_back({std::move(token), *std::move(pin), now});
    WipeStackBelow();
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
