#include "sdk/sim/pn532/frame.h"

#include <algorithm>
#include <array>

namespace madoguchi::pn532 {
namespace {

constexpr std::array<uint8_t, 2> kStart = {0x00, 0xFF};

}  // namespace

void FrameDecoder::Feed(std::span<const uint8_t> bytes) {
  kept_.insert(kept_.end(), bytes.begin(), bytes.end());
}

std::optional<Token> FrameDecoder::Next() {
  for (size_t from = 0;;) {
    const auto start = std::search(kept_.begin() + from, kept_.end(), kStart.begin(), kStart.end());
    // The last byte may be the first of a start.
    const size_t skipped = start == kept_.end() && !kept_.empty() && kept_.back() == 0
                               ? kept_.size() - 1
                               : start - kept_.begin();
    kept_.erase(kept_.begin(), kept_.begin() + skipped);
    from = 0;
    if (kept_.size() < 4) return std::nullopt;
    const uint8_t first = kept_[2], second = kept_[3];
    if ((first == 0x00 && second == 0xFF) || (first == 0xFF && second == 0x00)) {
      kept_.erase(kept_.begin(), kept_.begin() + 4);
      return Token{first == 0 ? Token::Kind::kAck : Token::Kind::kNack};
    }
    const bool extended = first == 0xFF && second == 0xFF;
    const size_t header = extended ? 7 : 4;
    if (kept_.size() < header) return std::nullopt;
    const size_t length = extended ? kept_[4] << 8 | kept_[5] : first;
    const uint8_t sum = extended ? kept_[4] + kept_[5] + kept_[6] : first + second;
    if (sum != 0 || length == 0 || length > kLongestBody) {
      from = 1;
      continue;
    }
    if (kept_.size() < header + length + 1) return std::nullopt;
    const auto body = kept_.begin() + header;
    uint8_t check = body[length];
    for (size_t i = 0; i < length; ++i) check += body[i];
    const bool good = check == 0 && body[0] == kFromHost && length > 1;
    Token token{Token::Kind::kFrame, Bytes(body + 1, body + length)};
    kept_.erase(kept_.begin(), body + length + 1);
    if (good) return token;
  }
}

Bytes EncodeAck() { return {0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00}; }

Bytes EncodeError() { return {0x00, 0x00, 0xFF, 0x01, 0xFF, 0x7F, 0x81, 0x00}; }

Bytes EncodeAnswer(std::span<const uint8_t> data) {
  const size_t length = data.size() + 1;
  Bytes frame;
  frame.reserve(length + 10);
  for (const uint8_t byte : {uint8_t{0x00}, uint8_t{0x00}, uint8_t{0xFF}}) frame.push_back(byte);
  if (length <= 255) {
    frame.push_back(static_cast<uint8_t>(length));
    frame.push_back(static_cast<uint8_t>(-length));
  } else {
    const uint8_t upper = static_cast<uint8_t>(length >> 8), lower = static_cast<uint8_t>(length);
    const uint8_t check = static_cast<uint8_t>(-(upper + lower));
    for (const uint8_t byte : {uint8_t{0xFF}, uint8_t{0xFF}, upper, lower, check}) {
      frame.push_back(byte);
    }
  }
  frame.push_back(kFromChip);
  uint8_t sum = kFromChip;
  for (const uint8_t byte : data) {
    frame.push_back(byte);
    sum += byte;
  }
  frame.push_back(static_cast<uint8_t>(-sum));
  frame.push_back(0x00);
  return frame;
}

}  // namespace madoguchi::pn532
