#ifndef MADOGUCHI_SDK_SIM_PN532_FRAME_H_
#define MADOGUCHI_SDK_SIM_PN532_FRAME_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

// What goes over a PN532's serial line (NXP UM0701-02, 6.2.1). A frame is
//
//   00 00 FF LEN LCS TFI data... DCS 00           LEN + LCS = 0, TFI + data + DCS = 0 (mod 256)
//   00 00 FF FF FF LENm LENl LCS TFI data... DCS 00     where LEN would be over 255
//
// LEN counts TFI and data; TFI is D4 from the host and D5 from the chip. 00 00 FF 00 FF 00 is an
// ACK, 00 00 FF FF 00 00 a NACK.
namespace madoguchi::pn532 {

using Bytes = std::vector<uint8_t>;

inline constexpr uint8_t kFromHost = 0xD4;
inline constexpr uint8_t kFromChip = 0xD5;
// TFI and data. The chip's own buffer: 265 bytes.
inline constexpr size_t kLongestBody = 265;

struct Token {
  enum class Kind { kAck, kNack, kFrame };
  Kind kind;
  Bytes data = {};  // of a frame: the command's code and what follows, without the TFI
};

// Takes what the host sends apart. The stream may hold anything; what is no token is skipped, as
// the chip skips it: a wrong checksum, another TFI, a length over kLongestBody. Keeps one token and
// what came with it. Not thread-safe.
class FrameDecoder {
 public:
  // Adds what was received, in pieces of any size.
  void Feed(std::span<const uint8_t> bytes);
  // The oldest token that is whole; nullopt when more bytes are needed.
  std::optional<Token> Next();
  // Forgets everything.
  void Clear() { kept_.clear(); }
  size_t kept() const { return kept_.size(); }

 private:
  Bytes kept_;
};

Bytes EncodeAck();
// The chip's answer: `data` (1..kLongestBody - 1 bytes) is the command's code plus one, and what
// follows.
Bytes EncodeAnswer(std::span<const uint8_t> data);
// What the chip says to a command that it does not know.
Bytes EncodeError();

}  // namespace madoguchi::pn532

#endif  // MADOGUCHI_SDK_SIM_PN532_FRAME_H_
