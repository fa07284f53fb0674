#ifndef MADOGUCHI_SDK_SIM_BLUEZ_ACR1255_FRAME_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_ACR1255_FRAME_H_

#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include "sdk/sim/bluez/value.h"

// What goes over the air between a host and an ACR1255U-J1 (ACS, Reference Manual V1.01, chapters
// 5.2 to 5.7): a frame is `05 | length (2, big-endian) | that many bytes | xor of length and bytes
// | 0A`; the bytes are a block, `type | length of data (2, big-endian) | slot | seq | param | check
// | data`, in which the xor of all bytes is 0, or an enciphered one.
namespace madoguchi::bluez::acr1255 {

inline constexpr size_t kBlockHeader = 7;
inline constexpr size_t kFrameOverhead = 5;
inline constexpr size_t kLongestPayload = 2048;

enum Type : uint8_t {
  kPowerOn = 0x62,
  kPowerOff = 0x63,
  kGetSlotStatus = 0x65,
  kApdu = 0x6F,
  kEscape = 0x6B,
  kData = 0x80,
  kSlotStatus = 0x81,
  kEscapeAnswer = 0x83,
  kEvent = 0x50,
  kError = 0x51,
};

// The param of an error block.
enum class Error : uint8_t {
  kChecksum = 1,
  kTimeout = 2,
  kCommand = 3,
  kUnauthorized = 4,
  kUndefined = 5,
  kReceivedData = 6,
  kTooManyAuthentications = 7,
};

struct Block {
  uint8_t type = 0;
  uint8_t slot = 0;
  uint8_t seq = 0;
  uint8_t param = 0;
  Bytes data = {};
};

Bytes Encode(const Block& block);
// Bytes after the block are ignored, as the padding of enciphered ones.
std::variant<Block, Error> DecodeBlock(std::span<const uint8_t> bytes);

// The frame around a payload of at most kLongestPayload bytes.
Bytes Framed(std::span<const uint8_t> payload);
// The payload of a frame that FrameCutter cut.
std::variant<Bytes, Error> Unframed(std::span<const uint8_t> frame);

// Puts pieces together to frames. Pieces may end anywhere. Bytes that do not begin with 05, and a
// length above kLongestPayload, spoil all that is there: it comes as one frame, which Unframed
// refuses.
class FrameCutter {
 public:
  void Feed(std::span<const uint8_t> piece);
  std::optional<Bytes> Next();
  void Clear() { kept_.clear(); }

 private:
  Bytes kept_;
};

}  // namespace madoguchi::bluez::acr1255

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_ACR1255_FRAME_H_
