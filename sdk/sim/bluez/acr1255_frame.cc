#include "sdk/sim/bluez/acr1255_frame.h"

#include <algorithm>
#include <utility>

namespace madoguchi::bluez::acr1255 {
namespace {

constexpr uint8_t kFrameStart = 0x05;
constexpr uint8_t kFrameEnd = 0x0A;

uint8_t Xor(std::span<const uint8_t> bytes) {
  uint8_t sum = 0;
  for (const uint8_t byte : bytes) sum ^= byte;
  return sum;
}

size_t Length(std::span<const uint8_t> bytes) { return size_t{bytes[1]} << 8 | bytes[2]; }

}  // namespace

Bytes Encode(const Block& block) {
  Bytes bytes(kBlockHeader + block.data.size());
  bytes[0] = block.type;
  bytes[1] = static_cast<uint8_t>(block.data.size() >> 8);
  bytes[2] = static_cast<uint8_t>(block.data.size());
  bytes[3] = block.slot;
  bytes[4] = block.seq;
  bytes[5] = block.param;
  std::copy(block.data.begin(), block.data.end(), bytes.begin() + kBlockHeader);
  bytes[6] = Xor(bytes);
  return bytes;
}

std::variant<Block, Error> DecodeBlock(std::span<const uint8_t> bytes) {
  if (bytes.size() < kBlockHeader) return Error::kReceivedData;
  const size_t size = kBlockHeader + Length(bytes);
  if (bytes.size() < size) return Error::kReceivedData;
  bytes = bytes.first(size);
  if (Xor(bytes) != 0) return Error::kChecksum;
  return Block{.type = bytes[0],
               .slot = bytes[3],
               .seq = bytes[4],
               .param = bytes[5],
               .data = Bytes(bytes.begin() + kBlockHeader, bytes.end())};
}

Bytes Framed(std::span<const uint8_t> payload) {
  Bytes frame(kFrameOverhead + payload.size());
  frame[0] = kFrameStart;
  frame[1] = static_cast<uint8_t>(payload.size() >> 8);
  frame[2] = static_cast<uint8_t>(payload.size());
  std::copy(payload.begin(), payload.end(), frame.begin() + 3);
  frame[frame.size() - 2] = Xor(std::span(frame).subspan(1, payload.size() + 2));
  frame.back() = kFrameEnd;
  return frame;
}

std::variant<Bytes, Error> Unframed(std::span<const uint8_t> frame) {
  if (frame.size() < kFrameOverhead || frame[0] != kFrameStart ||
      frame.size() != kFrameOverhead + Length(frame)) {
    return Error::kReceivedData;
  }
  if (frame.back() != kFrameEnd || Xor(frame.subspan(1, frame.size() - 2)) != 0) {
    return Error::kChecksum;
  }
  return Bytes(frame.begin() + 3, frame.end() - 2);
}

void FrameCutter::Feed(std::span<const uint8_t> piece) {
  kept_.insert(kept_.end(), piece.begin(), piece.end());
}

std::optional<Bytes> FrameCutter::Next() {
  if (kept_.empty()) return std::nullopt;
  if (kept_[0] != kFrameStart) return std::exchange(kept_, {});
  if (kept_.size() < 3) return std::nullopt;
  if (Length(kept_) > kLongestPayload) return std::exchange(kept_, {});
  const size_t size = kFrameOverhead + Length(kept_);
  if (kept_.size() < size) return std::nullopt;
  const auto end = kept_.begin() + static_cast<ptrdiff_t>(size);
  Bytes frame(kept_.begin(), end);
  kept_.erase(kept_.begin(), end);
  return frame;
}

}  // namespace madoguchi::bluez::acr1255
