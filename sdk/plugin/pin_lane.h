#ifndef MADOGUCHI_SDK_PLUGIN_PIN_LANE_H_
#define MADOGUCHI_SDK_PLUGIN_PIN_LANE_H_

#include <chrono>
#include <list>
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
  // A PIN that nobody takes within `patience` of its coming is wiped.
  explicit PinLane(int fd, std::chrono::milliseconds patience = std::chrono::milliseconds(1000))
      : fd_(fd), patience_(patience) {}
  // The PIN that was sent under `token`. The packet is on its way or already there; waits for it as
  // long as the patience lasts. REQUEST_INVALID when it does not come. PINs of other tokens, which
  // came first because several sessions run, are kept for their owners, at most kMostWaiting; when
  // there are more, the oldest is wiped.
  absl::StatusOr<Secret> Take(const std::string& token);
  // Reads what came and wipes what is too old: the PIN of a call that was cancelled before it got
  // here has no owner. To be called a few times a second. How many PINs still wait.
  size_t Sweep();

  static constexpr size_t kMostWaiting = 64;

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Waiting {
    std::string token;
    Secret pin;
    Time came;
  };

  // Both under the mutex. Receive fails when no more packet can come, or be held.
  absl::Status Receive(Time now);
  void WipeOld(Time now);

  const int fd_;
  const std::chrono::milliseconds patience_;
  std::mutex mutex_;
  std::list<Waiting> waiting_;  // the oldest first
};

// Puts `pin` into `apdu_template` at `pin_offset` and its length into Lc, the byte before.
// INVALID_ARGUMENT when the template is no command with an empty data field at that place.
absl::StatusOr<Secret> FillPin(std::span<const uint8_t> apdu_template, uint32_t pin_offset,
                               const Secret& pin);

}  // namespace madoguchi::plugin

#endif  // MADOGUCHI_SDK_PLUGIN_PIN_LANE_H_
