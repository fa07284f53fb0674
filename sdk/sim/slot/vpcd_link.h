#ifndef MADOGUCHI_SDK_SIM_SLOT_VPCD_LINK_H_
#define MADOGUCHI_SDK_SIM_SLOT_VPCD_LINK_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

// How a reader and a virtual card talk: the protocol of vpcd, from the vsmartcard project. Each
// message, either way, is a length of 2 bytes, big-endian, and that many bytes. From the reader a
// message of one byte is a Control, any other a C-APDU. The card answers kAskAtr with its ATR and a
// C-APDU with an R-APDU, in the order in which they came, and the other controls with nothing.
namespace madoguchi::vpcd {

enum class Control : uint8_t {
  kOff = 0,
  kOn = 1,
  kReset = 2,
  kAskAtr = 4,
};

inline constexpr size_t kLengthSize = 2;
inline constexpr size_t kLongestMessage = 65535;

// The two bytes that go before a message of `size` bytes, 0..kLongestMessage.
void PutLength(size_t size, std::span<uint8_t, kLengthSize> length);

// Takes a stream apart into messages. The stream is a stranger's: any bytes are allowed, at most
// one message and what came with it is kept. Not thread-safe.
class MessageDecoder {
 public:
  // Adds what was received, in pieces of any size.
  void Feed(std::span<const uint8_t> bytes);
  // The oldest message that is whole, which is then forgotten; empty messages too. nullopt when
  // more bytes are needed.
  std::optional<std::vector<uint8_t>> Next();
  // Nothing is kept, not even a part of a message.
  bool empty() const { return kept_.empty(); }

 private:
  std::vector<uint8_t> kept_;
};

// Whether `atr` is an answer to reset by its form: 2..33 bytes (TS included), TS is 3B or 3F, and
// the interface and historical bytes that T0 and the TDi announce are there (ISO 7816-3, 8.2). The
// check byte TCK is not looked at, as readers do not look at it either.
bool IsAtr(std::span<const uint8_t> atr);

}  // namespace madoguchi::vpcd

#endif  // MADOGUCHI_SDK_SIM_SLOT_VPCD_LINK_H_
