#include "sdk/sim/card/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "sdk/sim/card/apdu.h"
#include "sdk/sim/card/hex.h"

namespace madoguchi::sim {

std::string TraceLine(std::span<const uint8_t> apdu, bool with_pins) {
  const bool secret = apdu.size() > 1 && (apdu[1] == kVerify || apdu[1] == kChangeReferenceData ||
                                          apdu[1] == kChangeKey);
  if (!secret || with_pins) return ToHex(apdu);
  const size_t shown = std::min<size_t>(apdu.size(), 5);
  return ToHex(apdu.first(shown)) + std::string(2 * (apdu.size() - shown), '*');
}

absl::StatusOr<Trace> Trace::To(const std::string& path, bool with_pins) {
  Trace trace;
  trace.fd_ = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (trace.fd_ < 0) {
    return absl::InvalidArgumentError("cannot write the trace " + path + ": " + strerror(errno));
  }
  trace.with_pins_ = with_pins;
  return trace;
}

Trace::Trace(Trace&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), with_pins_(other.with_pins_) {}

Trace& Trace::operator=(Trace&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(with_pins_, other.with_pins_);
  return *this;
}

Trace::~Trace() {
  if (fd_ >= 0) close(fd_);
}

void Trace::Event(std::string_view name) {
  if (fd_ >= 0) Line("# " + std::string(name) + "\n");
}

void Trace::Sent(std::span<const uint8_t> apdu) {
  if (fd_ >= 0) Line("> " + TraceLine(apdu, with_pins_) + "\n");
}

void Trace::Answered(std::span<const uint8_t> response) {
  if (fd_ >= 0) Line("< " + ToHex(response) + "\n");
}

void Trace::Line(std::string_view line) {
  // A trace on a full disk is cut; the card goes on.
  [[maybe_unused]] const ssize_t written = write(fd_, line.data(), line.size());
}

}  // namespace madoguchi::sim
