#include "sdk/failure/plain_line.h"

#include <algorithm>
#include <cstdint>

namespace madoguchi {
namespace {

// The size of the character at the start of `bytes`, 0 when none is there or it is a control
// character. The ranges of the second byte keep overlong forms, surrogates and what lies above
// U+10FFFF out.
size_t CharacterSize(std::string_view bytes) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const uint8_t first = at(0);
  if (first < 0x80) return first < 0x20 || first == 0x7F ? 0 : 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  const size_t size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (bytes.size() < size) return 0;
  uint8_t lowest = 0x80;
  uint8_t highest = 0xBF;
  if (first == 0xC2) lowest = 0xA0;  // U+0080 to U+009F are C1
  if (first == 0xE0) lowest = 0xA0;
  if (first == 0xED) highest = 0x9F;
  if (first == 0xF0) lowest = 0x90;
  if (first == 0xF4) highest = 0x8F;
  if (at(1) < lowest || at(1) > highest) return 0;
  for (size_t i = 2; i < size; ++i) {
    if (at(i) < 0x80 || at(i) > 0xBF) return 0;
  }
  return size;
}

}  // namespace

std::string PlainLine(std::string_view bytes, size_t longest) {
  std::string line;
  line.reserve(std::min(bytes.size(), longest));
  while (!bytes.empty()) {
    const size_t size = CharacterSize(bytes);
    if (line.size() + std::max<size_t>(size, 1) > longest) break;
    if (size == 0) {
      line += '?';
    } else {
      line.append(bytes.substr(0, size));
    }
    bytes.remove_prefix(std::max<size_t>(size, 1));
  }
  return line;
}

}  // namespace madoguchi
