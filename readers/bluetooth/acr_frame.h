#ifndef MADOGUCHI_READERS_BLUETOOTH_ACR_FRAME_H_
#define MADOGUCHI_READERS_BLUETOOTH_ACR_FRAME_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "sdk/secret/secret.h"

// The two layers of ACS's ACR1255U-J1 (Reference Manual V1.01, 5.2 to 5.6).
//
//   frame: 05 | length of payload (2, big endian) | payload | xor of length and payload | 0A
//   block: type | length of data (2, big endian) | slot 00 | sequence | parameter | xor | data
//
// The payload is a block, or once the reader is authenticated an encrypted one (acr_session.h). The
// block's xor is over all its other bytes, so that the xor of a whole block is 0.
namespace madoguchi::bluetooth {

enum class AcrType : uint8_t {
  kPowerOn = 0x62,
  kPowerOff = 0x63,
  kAskSlot = 0x65,
  kEscape = 0x6B,
  kApdu = 0x6F,
  kData = 0x80,
  kSlot = 0x81,
  kEscapeAnswer = 0x83,
  kCard = 0x50,
  kError = 0x51,
};

constexpr size_t kAcrBlockHeader = 7;
// The longest payload that is taken from a reader: a whole short R-APDU in one block is 268.
constexpr size_t kAcrLongestPayload = 2048;

struct AcrBlock {
  AcrType type = AcrType::kError;
  uint8_t sequence = 0;
  uint8_t parameter = 0;
  std::vector<uint8_t> data;
};

// A block of the host's; slot and sequence are 0, as in all examples of the manual. At most 495
// bytes of data.
absl::StatusOr<Secret> MakeAcrBlock(AcrType type, uint8_t parameter, std::span<const uint8_t> data);
// The block at the beginning of `bytes`, which may be longer: `used` is the block's own length.
// DATA_LOSS when there is none, its xor is wrong, or it is for another slot.
absl::StatusOr<AcrBlock> ParseAcrBlock(std::span<const uint8_t> bytes, size_t* used);

// `payload` of at most 507 bytes as a frame.
absl::StatusOr<Secret> MakeAcrFrame(std::span<const uint8_t> payload);

// Puts frames together. A piece may hold the end of one frame and the beginning of another.
class AcrFrameStream {
 public:
  void Feed(std::span<const uint8_t> piece) {
    bytes_.insert(bytes_.end(), piece.begin(), piece.end());
  }
  // The next whole frame's payload; nullopt while it is not all there. DATA_LOSS when what came is
  // no frame, for ever.
  absl::StatusOr<std::optional<std::vector<uint8_t>>> Next();

 private:
  std::vector<uint8_t> bytes_;
};

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_ACR_FRAME_H_
