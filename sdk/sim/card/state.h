#ifndef MADOGUCHI_SDK_SIM_CARD_STATE_H_
#define MADOGUCHI_SDK_SIM_CARD_STATE_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sdk/sim/card/apdu.h"

namespace madoguchi::sim {

// What the card remembers without power: its serial number, and for every secret the tries that
// are left and a salted hash. It never holds a PIN. One thread at a time.
//
// The file is text, one fact a line, replaced as a whole by a rename:
//
//   madoguchi-card-state 1
//   serial 16777217
//   secret jpki.auth tries 2 of 3 iterations 256 salt 00112233445566778899aabbccddeeff digest
//   0123...
class State {
 public:
  enum class Verdict { kRight, kWrong, kBlocked };

  // A state that lives in memory alone; for tests.
  State() = default;

  // Reads `path`; NotFound where there is none, InvalidArgument with the line's number where it is
  // damaged. Later changes are written to the same path before they are answered.
  static absl::StatusOr<State> Load(const std::string& path);

  // A new one that will be written to `path` by Save and by every later change.
  static State At(std::string path);

  absl::Status Save() const;

  uint64_t serial() const { return serial_; }
  void set_serial(uint64_t serial) { serial_ = serial; }

  // Adds a secret or replaces its value; the tries of one that exists stay as they are, so that a
  // blocked card stays blocked. `value` has 1 to 16 bytes and is not kept: PBKDF2-HMAC-SHA-256 over
  // a random salt is, with 256 iterations, few because the secrets are synthetic and the card
  // should answer within a millisecond.
  absl::Status Set(const std::string& name, std::span<const uint8_t> value, int tries);

  // Compares, and counts: a wrong value costs a try, a right one gives all back, a blocked secret
  // is not even compared. The count is on disk before this returns.
  Verdict Verify(const std::string& name, std::span<const uint8_t> value);

  // True where the value is right. Counts nothing.
  bool Matches(const std::string& name, std::span<const uint8_t> value) const;

  bool Has(const std::string& name) const { return secrets_.contains(name); }
  // 0 where there is no such secret.
  int TriesLeft(const std::string& name) const;
  int TriesAtMost(const std::string& name) const;
  // 0 to TriesAtMost; written at once.
  absl::Status SetTriesLeft(const std::string& name, int tries);

 private:
  struct Secret {
    int tries = 0;
    int at_most = 0;
    int iterations = 0;
    Bytes salt = {};
    Bytes digest = {};
  };

  std::string path_;
  uint64_t serial_ = 0;
  std::map<std::string, Secret> secrets_;
};

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_STATE_H_
