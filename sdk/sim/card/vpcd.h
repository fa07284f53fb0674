#ifndef MADOGUCHI_SDK_SIM_CARD_VPCD_H_
#define MADOGUCHI_SDK_SIM_CARD_VPCD_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "sdk/sim/card/apdu.h"

namespace madoguchi::sim {

// The protocol of vsmartcard's virtual reader (vpcd): in both directions, messages of a length (2
// bytes, big-endian) and that many bytes. From the reader, one byte alone is a control code; all
// else is a command APDU, to be answered by a response APDU.
enum class VpcdControl : uint8_t {
  kPowerOff = 0,  // Not answered.
  kPowerOn = 1,   // Not answered.
  kReset = 2,     // Not answered.
  kAtr = 4,       // Answered by the ATR.
};

inline constexpr size_t kLongestVpcdMessage = 65535;

// The message with its length before it, so that one send carries both.
Bytes EncodeVpcdMessage(std::span<const uint8_t> message);

// Cuts a stream into messages. Bytes stay in one place and are wiped once their message is done
// with: they may hold a PIN.
class VpcdDecoder {
 public:
  VpcdDecoder() = default;
  VpcdDecoder(const VpcdDecoder&) = delete;
  VpcdDecoder& operator=(const VpcdDecoder&) = delete;
  ~VpcdDecoder();

  // Where the next received bytes are to be put. Empty only while a complete message waits.
  std::span<uint8_t> Space();
  // That many bytes have been put there.
  void Received(size_t count);

  // The oldest complete message, possibly of no bytes; it stays valid until Pop or Received.
  std::optional<std::span<const uint8_t>> Message() const;
  // Wipes the message that Message showed.
  void Pop();
  // Forgets and wipes everything.
  void Clear();

 private:
  std::array<uint8_t, 2 + kLongestVpcdMessage> buffer_;
  size_t size_ = 0;
};

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_VPCD_H_
