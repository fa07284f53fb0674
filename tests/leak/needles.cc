#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/leak/memory_search.h"

namespace madoguchi::leak {
namespace {

constexpr size_t kPrefix = 4;       // bytes by which a needle is noticed
constexpr uint64_t kOnePlace = 24;  // halves of one copy are no further apart, UTF-16 included

std::string Spread(const std::string& text, bool low_first) {
  std::string wide;
  for (const char c : text) wide += low_first ? std::string{c, '\0'} : std::string{'\0', c};
  return wide;
}

std::string Hex(const std::string& text, const char* digits) {
  std::string hex;
  for (const unsigned char c : text) hex += {digits[c >> 4], digits[c & 15]};
  return hex;
}

// The sextets that lie wholly in `text` when `before` other bytes stand before it.
std::string Base64(const std::string& text, size_t before, const char* last_two) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string digits;
  const size_t first_bit = before * 8, end_bit = first_bit + text.size() * 8;
  for (size_t bit = (first_bit + 5) / 6 * 6; bit + 6 <= end_bit; bit += 6) {
    unsigned sextet = 0;
    for (size_t i = bit - first_bit; i < bit - first_bit + 6; ++i) {
      sextet = sextet << 1 | (static_cast<unsigned char>(text[i / 8]) >> (7 - i % 8) & 1);
    }
    digits += sextet < 62 ? kDigits[sextet] : last_two[sextet - 62];
  }
  return digits;
}

uint16_t Hash(const char* at) {
  uint32_t word;
  std::memcpy(&word, at, kPrefix);
  return static_cast<uint16_t>(word * 2654435761u >> 16);
}

}  // namespace

std::string Canary() {
  static constexpr char kCharacters[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
  std::string canary(16, '\0');
  if (getrandom(canary.data(), canary.size(), 0) != 16) std::abort();
  for (char& c : canary) c = kCharacters[c & 63];
  return canary;
}

std::vector<Needle> NeedlesOf(const std::string& secret) {
  std::vector<Needle> needles;
  const size_t middle = secret.size() / 2;
  for (const size_t begin : {size_t{0}, middle}) {
    const std::string half = secret.substr(begin, begin == 0 ? middle : std::string::npos);
    needles.push_back({"ASCII", half});
    needles.push_back({"UTF-16LE", Spread(half, true)});
    needles.push_back({"UTF-16BE", Spread(half, false)});
    needles.push_back({"hex", Hex(half, "0123456789abcdef")});
    needles.push_back({"HEX", Hex(half, "0123456789ABCDEF")});
    for (size_t before = 0; before < 3; ++before) {
      const std::string plain = Base64(half, before, "+/"), url = Base64(half, before, "-_");
      needles.push_back({"base64", plain});
      if (url != plain) needles.push_back({"base64url", url});
    }
  }
  return needles;
}

std::string Found::Text() const {
  std::string text = std::to_string(hits.size()) + (hits.size() == 1 ? " hit" : " hits");
  const char* between = ": ";
  for (const Hit& hit : hits) {
    char offset[32];
    std::snprintf(offset, sizeof(offset), "%#lx", static_cast<unsigned long>(hit.offset));
    text += between + hit.form + " in " + hit.where + " at " + offset;
    between = "; ";
  }
  return text;
}

Found SearchBytes(std::span<const char> bytes, const std::string& where,
                  const std::vector<Needle>& needles) {
  Found found;
  found.bytes_read = bytes.size();
  std::array<bool, 65536> noticed{};
  for (const Needle& needle : needles) noticed[Hash(needle.bytes.data())] = true;
  for (size_t at = 0; at + kPrefix <= bytes.size(); ++at) {
    if (!noticed[Hash(&bytes[at])]) continue;
    for (const Needle& needle : needles) {
      if (bytes.size() - at < needle.bytes.size() ||
          std::memcmp(&bytes[at], needle.bytes.data(), needle.bytes.size()) != 0) {
        continue;
      }
      const bool known = std::any_of(found.hits.begin(), found.hits.end(), [&](const Hit& hit) {
        return hit.form == needle.form && at - hit.offset <= kOnePlace;
      });
      if (!known) found.hits.push_back({needle.form, where, at});
    }
  }
  return found;
}

}  // namespace madoguchi::leak
