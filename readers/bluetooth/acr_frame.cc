#include "readers/bluetooth/acr_frame.h"

#include <algorithm>

namespace madoguchi::bluetooth {
namespace {

constexpr uint8_t kStart = 0x05;
constexpr uint8_t kEnd = 0x0A;
constexpr size_t kFrameHeader = 3;
constexpr size_t kFrameRest = 2;  // xor and end

uint8_t Xor(std::span<const uint8_t> bytes) {
  uint8_t sum = 0;
  for (const uint8_t byte : bytes) sum ^= byte;
  return sum;
}

size_t BigEndian(const uint8_t* at) { return static_cast<size_t>(at[0]) << 8 | at[1]; }

}  // namespace

absl::StatusOr<Secret> MakeAcrBlock(AcrType type, uint8_t parameter,
                                    std::span<const uint8_t> data) {
  auto block = Secret::OfSize(kAcrBlockHeader + data.size());
  if (!block.ok()) return block.status();
  const std::span<uint8_t> bytes = block->bytes();
  bytes[0] = static_cast<uint8_t>(type);
  bytes[1] = static_cast<uint8_t>(data.size() >> 8);
  bytes[2] = static_cast<uint8_t>(data.size());
  bytes[5] = parameter;
  std::copy(data.begin(), data.end(), bytes.begin() + kAcrBlockHeader);
  bytes[6] = Xor(bytes);
  return block;
}

absl::StatusOr<AcrBlock> ParseAcrBlock(std::span<const uint8_t> bytes, size_t* used) {
  if (bytes.size() < kAcrBlockHeader) return absl::DataLossError("a block under 7 bytes");
  const size_t size = kAcrBlockHeader + BigEndian(&bytes[1]);
  if (size > bytes.size()) return absl::DataLossError("a block longer than its frame");
  if (Xor(bytes.first(size)) != 0) return absl::DataLossError("a block's xor is wrong");
  if (bytes[3] != 0) return absl::DataLossError("a block for another slot");
  AcrBlock block;
  block.type = static_cast<AcrType>(bytes[0]);
  block.sequence = bytes[4];
  block.parameter = bytes[5];
  block.data.assign(bytes.begin() + kAcrBlockHeader, bytes.begin() + size);
  *used = size;
  return block;
}

absl::StatusOr<Secret> MakeAcrFrame(std::span<const uint8_t> payload) {
  auto frame = Secret::OfSize(kFrameHeader + payload.size() + kFrameRest);
  if (!frame.ok()) return frame.status();
  const std::span<uint8_t> bytes = frame->bytes();
  bytes[0] = kStart;
  bytes[1] = static_cast<uint8_t>(payload.size() >> 8);
  bytes[2] = static_cast<uint8_t>(payload.size());
  std::copy(payload.begin(), payload.end(), bytes.begin() + kFrameHeader);
  bytes[kFrameHeader + payload.size()] = Xor(bytes.subspan(1));
  bytes[kFrameHeader + payload.size() + 1] = kEnd;
  return frame;
}

absl::StatusOr<std::optional<std::vector<uint8_t>>> AcrFrameStream::Next() {
  if (bytes_.empty()) return std::nullopt;
  if (bytes_[0] != kStart) return absl::DataLossError("a frame without its first byte");
  if (bytes_.size() < kFrameHeader) return std::nullopt;
  const size_t length = BigEndian(&bytes_[1]);
  if (length > kAcrLongestPayload) return absl::DataLossError("a frame over 2048 bytes");
  const size_t size = kFrameHeader + length + kFrameRest;
  if (bytes_.size() < size) return std::nullopt;
  const std::span<const uint8_t> frame(bytes_.data(), size);
  if (frame[size - 1] != kEnd) return absl::DataLossError("a frame without its last byte");
  if (Xor(frame.subspan(1, size - kFrameRest)) != 0) {
    return absl::DataLossError("a frame's xor is wrong");
  }
  std::vector<uint8_t> payload(frame.begin() + kFrameHeader, frame.end() - kFrameRest);
  bytes_.erase(bytes_.begin(), bytes_.begin() + size);
  return payload;
}

}  // namespace madoguchi::bluetooth
