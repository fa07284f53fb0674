// What a virtual card sends is a stranger's bytes: first byte the size of the pieces, then the
// stream.
#include <algorithm>

#include "sdk/sim/slot/vpcd_link.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = data[0] + 1;
  const std::span<const uint8_t> stream(data + 1, size - 1);
  madoguchi::vpcd::MessageDecoder decoder;
  size_t taken = 0;
  for (size_t at = 0; at < stream.size(); at += piece) {
    decoder.Feed(stream.subspan(at, std::min(piece, stream.size() - at)));
    while (const auto message = decoder.Next()) {
      taken += madoguchi::vpcd::kLengthSize;
      if (!std::equal(message->begin(), message->end(), stream.begin() + taken)) __builtin_trap();
      taken += message->size();
      madoguchi::vpcd::IsAtr(*message);
    }
  }
  if (taken > stream.size() || (taken < stream.size()) == decoder.empty()) __builtin_trap();
  madoguchi::vpcd::IsAtr(stream);
  return 0;
}
