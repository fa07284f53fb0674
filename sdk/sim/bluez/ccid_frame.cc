#include "sdk/sim/bluez/ccid_frame.h"

#include <algorithm>
#include <utility>

namespace madoguchi::bluez::ccid {
namespace {

uint32_t Length(std::span<const uint8_t> frame) {
  return uint32_t{frame[1]} | uint32_t{frame[2]} << 8 | uint32_t{frame[3]} << 16 |
         uint32_t{frame[4]} << 24;
}

}  // namespace

Bytes Encode(const Message& message) {
  const auto size = static_cast<uint32_t>(message.data.size());
  Bytes frame(kHeader + size);
  frame[0] = message.type;
  for (int i = 0; i < 4; ++i) frame[1 + i] = static_cast<uint8_t>(size >> 8 * i);
  frame[5] = message.slot;
  frame[6] = message.seq;
  std::copy_n(message.own, 3, frame.begin() + 7);
  std::copy(message.data.begin(), message.data.end(), frame.begin() + kHeader);
  return frame;
}

std::optional<Message> Decode(std::span<const uint8_t> frame) {
  if (frame.size() < kHeader || frame.size() - kHeader != Length(frame)) return std::nullopt;
  return Message{.type = frame[0],
                 .slot = frame[5],
                 .seq = frame[6],
                 .own = {frame[7], frame[8], frame[9]},
                 .data = Bytes(frame.begin() + kHeader, frame.end())};
}

void MessageCutter::Feed(std::span<const uint8_t> piece) {
  kept_.insert(kept_.end(), piece.begin(), piece.end());
}

std::optional<Bytes> MessageCutter::Next() {
  if (kept_.size() < kHeader) return std::nullopt;
  const uint32_t length = Length(kept_);
  if (length > kLongestData) return std::exchange(kept_, {});
  if (kept_.size() < kHeader + length) return std::nullopt;
  const auto end = kept_.begin() + static_cast<ptrdiff_t>(kHeader + length);
  Bytes frame(kept_.begin(), end);
  kept_.erase(kept_.begin(), end);
  return frame;
}

}  // namespace madoguchi::bluez::ccid
