#include "ui/terminal/width.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <iterator>

namespace madoguchi::terminal {
namespace {

struct Range {
  uint32_t first, last;
};

constexpr Range kWide[] = {
    {0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},
    {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},   {0xA960, 0xA97C},   {0xAC00, 0xD7A3},
    {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},
    {0x1B000, 0x1B2FF}, {0x1F300, 0x1F64F}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD},
};
// Variation selectors matter in Japanese names: they choose between forms of one character.
constexpr Range kZero[] = {
    {0x0300, 0x036F}, {0x200B, 0x200F}, {0x3099, 0x309A}, {0xFE00, 0xFE0F}, {0xE0100, 0xE01EF},
};
constexpr Range kUnprintable[] = {
    {0x00, 0x1F},     {0x7F, 0x9F},     {0x061C, 0x061C}, {0x200B, 0x200F},   {0x2028, 0x202E},
    {0x2060, 0x206F}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F},
};

template <size_t n>
bool IsIn(const Range (&ranges)[n], uint32_t point) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [&](const Range& r) { return r.first <= point && point <= r.last; });
}

// What no line of Japanese begins with.
bool ClosesOrStops(const std::string& character) {
  for (const char* const one : {"。", "、", "」", "）", "ー", "ッ", "ャ", "ュ", "ョ", "っ", "ゃ",
                                "ゅ", "ょ", "・", "：", "？"}) {
    if (character == one) return true;
  }
  return false;
}

struct Character {
  uint32_t point = 0;
  size_t size = 1;  // bytes
  bool valid = false;
};

Character At(const std::string& text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(at);
  if (lead < 0x80) return {lead, 1, true};
  const size_t size = lead >= 0xF0 && lead < 0xF5   ? 4
                      : lead >= 0xE0 && lead < 0xF0 ? 3
                      : lead >= 0xC2 && lead < 0xE0 ? 2
                                                    : 0;
  if (size == 0 || at + size > text.size()) return {};
  uint32_t point = lead & (0xFF >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return {};
    point = point << 6 | (byte(at + i) & 0x3F);
  }
  const bool overlong = (size == 3 && point < 0x800) || (size == 4 && point < 0x10000);
  if (overlong || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return {};
  return {point, size, true};
}

}  // namespace

int DisplayWidth(const std::string& text) {
  int width = 0;
  for (size_t at = 0; at < text.size();) {
    const Character c = At(text, at);
    width += c.valid && IsIn(kZero, c.point) ? 0 : c.valid && IsIn(kWide, c.point) ? 2 : 1;
    at += c.size;
  }
  return width;
}

std::string PadTo(const std::string& text, int columns) {
  return text + std::string(std::max(0, columns - DisplayWidth(text)), ' ');
}

std::string Printable(const std::string& text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const Character c = At(text, at);
    char escape[16];
    if (!c.valid) {
      std::snprintf(escape, sizeof(escape), "\\x%02X", static_cast<uint8_t>(text[at]));
      out += escape;
    } else if (IsIn(kUnprintable, c.point)) {
      std::snprintf(escape, sizeof(escape), "\\u{%04X}", static_cast<unsigned>(c.point));
      out += escape;
    } else {
      out.append(text, at, c.size);
    }
    at += c.size;
  }
  return out;
}

std::vector<std::string> WrapTo(const std::string& text, int columns) {
  std::vector<std::string> lines = {""};
  // Where the last line can be broken: what follows moves to the next one. 0: nowhere.
  size_t breakable = 0;
  for (size_t at = 0; at < text.size();) {
    const Character c = At(text, at);
    const std::string one = text.substr(at, c.size);
    at += c.size;
    const bool space = one == " ";
    const int width = DisplayWidth(one);
    std::string* line = &lines.back();
    const bool wide = width == 2;
    if (!line->empty() && ((wide && !ClosesOrStops(one)) || one == "(")) breakable = line->size();
    if (DisplayWidth(*line) + width > columns && !line->empty()) {
      if (space) {
        lines.emplace_back();
        breakable = 0;
        continue;
      }
      const size_t from = breakable > 0 ? breakable : line->size();
      std::string rest = line->substr(from);
      line->resize(from);
      line->erase(line->find_last_not_of(' ') + 1);
      lines.push_back(std::move(rest));
      line = &lines.back();
      breakable = 0;
    }
    if (space && line->empty()) continue;
    *line += one;
    if (space) breakable = line->size();
  }
  return lines;
}

std::string WrappedColumns(const std::vector<std::vector<std::string>>& rows,
                           const std::vector<int>& widths) {
  std::vector<std::vector<std::string>> lines;
  for (const auto& row : rows) {
    const size_t first = lines.size();
    for (size_t i = 0; i < row.size(); ++i) {
      const auto wrapped = WrapTo(row[i], widths[i]);
      if (lines.size() < first + wrapped.size()) lines.resize(first + wrapped.size());
      for (size_t n = 0; n < wrapped.size(); ++n) {
        lines[first + n].resize(std::max(lines[first + n].size(), i + 1));
        lines[first + n][i] = wrapped[n];
      }
    }
  }
  return Columns(lines);
}

std::string Columns(const std::vector<std::vector<std::string>>& rows) {
  std::vector<int> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) line += PadTo(row[i], widths[i]) + "  ";
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace madoguchi::terminal
