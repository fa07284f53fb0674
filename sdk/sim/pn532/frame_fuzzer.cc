// What a host sends is a stranger's bytes to an emulated chip: first byte the size of the pieces.
// Whatever the pieces, the tokens are the same.
#include <algorithm>

#include "sdk/sim/pn532/frame.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace madoguchi::pn532;  // NOLINT
  if (size == 0) return 0;
  const size_t piece = data[0] + 1;
  const std::span<const uint8_t> stream(data + 1, size - 1);
  FrameDecoder whole, parts;
  whole.Feed(stream);
  size_t taken = 0;
  for (size_t at = 0; at < stream.size(); at += piece) {
    parts.Feed(stream.subspan(at, std::min(piece, stream.size() - at)));
    while (const auto token = parts.Next()) {
      const auto same = whole.Next();
      if (!same || same->kind != token->kind || same->data != token->data) __builtin_trap();
      if (token->kind == Token::Kind::kFrame) {
        if (token->data.empty() || token->data.size() >= kLongestBody) __builtin_trap();
        taken += token->data.size();
      }
    }
    if (parts.kept() > kLongestBody + 8) __builtin_trap();
  }
  if (whole.Next()) __builtin_trap();
  if (taken > stream.size()) __builtin_trap();
  return 0;
}
