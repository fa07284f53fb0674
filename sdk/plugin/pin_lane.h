#ifndef MADOGUCHI_SDK_PLUGIN_PIN_LANE_H_
#define MADOGUCHI_SDK_PLUGIN_PIN_LANE_H_

#include <chrono>
#include <map>
#include <mutex>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "sdk/secret/secret.h"

// The packets on fd 4. One packet: 16 bytes of token, 1..16 bytes of PIN (reader.proto).
namespace madoguchi::plugin {

inline constexpr size_t kPinTokenSize = 16;

// The reader's end. Thread-safe.
class PinLane {
 public:
  explicit PinLane(int fd) : fd_(fd) {}
  // The PIN that was sent under `token`. The packet is on its way or already there; waits at most
  // `timeout`. REQUEST_INVALID when it does not come. PINs of other tokens, which came first
  // because several sessions run, are kept for their owners, at most kMostWaiting; more are wiped.
  absl::StatusOr<Secret> Take(const std::string& token, std::chrono::milliseconds timeout);

  static constexpr size_t kMostWaiting = 64;

 private:
  const int fd_;
  std::mutex mutex_;
  std::map<std::string, Secret> waiting_;
};

// Puts `pin` into `apdu_template` at `pin_offset` and its length into Lc, the byte before.
// INVALID_ARGUMENT when the template is no command with an empty data field at that place.
absl::StatusOr<Secret> FillPin(std::span<const uint8_t> apdu_template, uint32_t pin_offset,
                               const Secret& pin);

}  // namespace madoguchi::plugin

#endif  // MADOGUCHI_SDK_PLUGIN_PIN_LANE_H_
