#include "sdk/sim/bluez/hex.h"

#include <charconv>

namespace madoguchi::bluez {

std::optional<Bytes> FromHex(std::string_view text) {
  Bytes bytes;
  while (!text.empty()) {
    if (text.front() == ' ') {
      text.remove_prefix(1);
      continue;
    }
    uint8_t byte = 0;
    if (text.size() < 2 ||
        std::from_chars(text.data(), text.data() + 2, byte, 16).ptr != text.data() + 2) {
      return std::nullopt;
    }
    bytes.push_back(byte);
    text.remove_prefix(2);
  }
  return bytes;
}

}  // namespace madoguchi::bluez
