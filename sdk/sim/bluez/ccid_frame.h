#ifndef MADOGUCHI_SDK_SIM_BLUEZ_CCID_FRAME_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_CCID_FRAME_H_

#include <cstdint>
#include <optional>
#include <span>

#include "sdk/sim/bluez/value.h"

// CCID messages (USB device class for smart cards, rev 1.1, chapter 6): `type | length of data (4,
// little-endian) | slot | seq | 3 bytes of the type's own | data`.
namespace madoguchi::bluez::ccid {

inline constexpr size_t kHeader = 10;
inline constexpr size_t kLongestData = 4096;

enum Type : uint8_t {
  kPowerOn = 0x62,
  kPowerOff = 0x63,
  kGetSlotStatus = 0x65,
  kTransfer = 0x6F,
  kEscape = 0x6B,
  kData = 0x80,
  kSlotStatus = 0x81,
  kEscapeAnswer = 0x83,
};

struct Message {
  uint8_t type = 0;
  uint8_t slot = 0;
  uint8_t seq = 0;
  uint8_t own[3] = {};
  Bytes data = {};
};

Bytes Encode(const Message& message);
// nullopt when the length is not that of the data: only a frame that MessageCutter gave up.
std::optional<Message> Decode(std::span<const uint8_t> frame);

// Puts pieces together to messages. Pieces may end anywhere. A length above kLongestData spoils all
// that is there: it comes as one frame, which Decode refuses.
class MessageCutter {
 public:
  void Feed(std::span<const uint8_t> piece);
  std::optional<Bytes> Next();
  void Clear() { kept_.clear(); }

 private:
  Bytes kept_;
};

}  // namespace madoguchi::bluez::ccid

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_CCID_FRAME_H_
