#ifndef MADOGUCHI_READERS_BLUETOOTH_ACR_SESSION_H_
#define MADOGUCHI_READERS_BLUETOOTH_ACR_SESSION_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "absl/status/statusor.h"
#include "readers/bluetooth/acr_frame.h"
#include "sdk/secret/secret.h"

namespace madoguchi::bluetooth {

constexpr size_t kAesBlock = 16;

// AES-128 in CBC mode with an IV of zeros and no padding, in place. `bytes` is a multiple of 16.
absl::Status AesEncrypt(const Secret& key, std::span<uint8_t> bytes);
absl::Status AesDecrypt(const Secret& key, std::span<uint8_t> bytes);

// Mutual authentication of host and ACR1255U-J1, and the encryption that follows from it (Reference
// Manual V1.01, 5.7). Both know the 16 bytes of the customer master key.
//
//   host   E0 00 00 45 00                           reader  E1 00 00 45 00 | E(master, A)
//   host   E0 00 00 46 00 | D(master, B | A)        reader  E1 00 00 46 00 | E(master, B)
//
// A and B are 16 random bytes of the reader's and of the host's. The key of the session is the
// first half of A and the first half of B. Not thread-safe.
class AcrSession {
 public:
  // Fills its argument with random bytes; false when it cannot.
  using Random = std::function<bool(std::span<uint8_t>)>;

  // `master_key` has 16 bytes.
  AcrSession(Secret master_key, Random random)
      : master_key_(std::move(master_key)), random_(std::move(random)) {}

  // D(master, B | A) for `challenge`, the 16 bytes E(master, A).
  absl::StatusOr<Secret> Prove(std::span<const uint8_t> challenge);
  // Whether `proof` is E(master, B); then there is a key. UNAUTHENTICATED otherwise: this is not
  // the reader, or its master key is another. Compared in constant time.
  absl::Status Believe(std::span<const uint8_t> proof);

  // Only with a key. `block` filled up with FF and encrypted.
  absl::StatusOr<Secret> Seal(const Secret& block) const;
  // The block in a frame's `payload`, which is encrypted but for errors: a plain block of 7 bytes,
  // which no encrypted one has. DATA_LOSS for what is neither.
  absl::StatusOr<AcrBlock> Open(std::span<const uint8_t> payload) const;

 private:
  Secret master_key_;
  const Random random_;
  Secret nonces_;  // A | B
  Secret key_;
};

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_ACR_SESSION_H_
