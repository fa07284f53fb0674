#include "sdk/sim/slot/vpcd_link.h"

#include <bit>

namespace madoguchi::vpcd {
namespace {

constexpr size_t kShortestAtr = 2;
constexpr size_t kLongestAtr = 33;

}  // namespace

void PutLength(size_t size, std::span<uint8_t, kLengthSize> length) {
  length[0] = static_cast<uint8_t>(size >> 8);
  length[1] = static_cast<uint8_t>(size);
}

void MessageDecoder::Feed(std::span<const uint8_t> bytes) {
  kept_.insert(kept_.end(), bytes.begin(), bytes.end());
}

std::optional<std::vector<uint8_t>> MessageDecoder::Next() {
  if (kept_.size() < kLengthSize) return std::nullopt;
  const size_t size = kept_[0] << 8 | kept_[1];
  if (kept_.size() - kLengthSize < size) return std::nullopt;
  const auto begin = kept_.begin() + kLengthSize;
  std::vector<uint8_t> message(begin, begin + size);
  kept_.erase(kept_.begin(), begin + size);
  return message;
}

bool IsAtr(std::span<const uint8_t> atr) {
  if (atr.size() < kShortestAtr || atr.size() > kLongestAtr) return false;
  if (atr[0] != 0x3B && atr[0] != 0x3F) return false;
  const size_t historical = atr[1] & 0x0F;
  size_t at = 1;  // T0 or TDi: its upper half says which of TA, TB, TC, TD follow.
  while (true) {
    const unsigned follow = atr[at] >> 4;
    const size_t next = at + std::popcount(follow);
    if (next >= atr.size()) return false;
    const bool more = (follow & 8) != 0;
    at = next;
    if (!more) break;
  }
  return at + 1 + historical <= atr.size();
}

}  // namespace madoguchi::vpcd
