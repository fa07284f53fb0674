#include "sdk/failure/plain_line.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace madoguchi {
namespace {

// Characters that are not seen, or turn the text around them: zero-width ones, line separators and
// the controls of bidirectional text.
bool IsUnseen(uint32_t character) {
  constexpr struct {
    uint32_t first, last;
  } kUnseen[] = {{0x061C, 0x061C}, {0x200B, 0x200F}, {0x2028, 0x202E},  {0x2060, 0x206F},
                 {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F}};
  return std::any_of(std::begin(kUnseen), std::end(kUnseen), [&](const auto& range) {
    return range.first <= character && character <= range.last;
  });
}

// The size of the character at the start of `bytes`, 0 when none is there or it is one that no line
// has. The ranges of the second byte keep overlong forms, surrogates and what lies above
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
  uint32_t character = first & (0x7F >> size);
  for (size_t i = 1; i < size; ++i) {
    if (at(i) < 0x80 || at(i) > 0xBF) return 0;
    character = character << 6 | (at(i) & 0x3F);
  }
  return IsUnseen(character) ? 0 : size;
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
