#include "sdk/sim/card/vpcd.h"

#include <openssl/crypto.h>
#include <string.h>

#include <algorithm>

namespace madoguchi::sim {

Bytes EncodeVpcdMessage(std::span<const uint8_t> message) {
  const size_t length = std::min(message.size(), kLongestVpcdMessage);
  Bytes bytes;
  bytes.reserve(2 + length);
  bytes.push_back(static_cast<uint8_t>(length >> 8));
  bytes.push_back(static_cast<uint8_t>(length));
  bytes.insert(bytes.end(), message.begin(), message.begin() + static_cast<ptrdiff_t>(length));
  return bytes;
}

VpcdDecoder::~VpcdDecoder() { Clear(); }

std::span<uint8_t> VpcdDecoder::Space() { return std::span(buffer_).subspan(size_); }

void VpcdDecoder::Received(size_t count) { size_ += std::min(count, buffer_.size() - size_); }

std::optional<std::span<const uint8_t>> VpcdDecoder::Message() const {
  if (size_ < 2) return std::nullopt;
  const size_t length = size_t{buffer_[0]} << 8 | buffer_[1];
  if (size_ < 2 + length) return std::nullopt;
  return std::span(buffer_).subspan(2, length);
}

void VpcdDecoder::Pop() {
  const auto message = Message();
  if (!message) return;
  const size_t done = 2 + message->size();
  memmove(buffer_.data(), buffer_.data() + done, size_ - done);
  OPENSSL_cleanse(buffer_.data() + size_ - done, done);
  size_ -= done;
}

void VpcdDecoder::Clear() {
  OPENSSL_cleanse(buffer_.data(), size_);
  size_ = 0;
}

}  // namespace madoguchi::sim
