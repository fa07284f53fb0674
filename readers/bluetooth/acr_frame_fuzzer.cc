// Frames and blocks of a stranger's: what is taken is what was sent, byte for byte.
#include <algorithm>
#include <cstdlib>

#include "readers/bluetooth/acr_frame.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace madoguchi::bluetooth;  // NOLINT
  if (size == 0) return 0;
  const size_t piece = data[0] + 1;
  const std::span<const uint8_t> stream(data + 1, size - 1);
  AcrFrameStream frames;
  size_t at = 0;
  for (size_t fed = 0; fed < stream.size(); fed += piece) {
    frames.Feed(stream.subspan(fed, std::min(piece, stream.size() - fed)));
    while (true) {
      const auto payload = frames.Next();
      if (!payload.ok()) return 0;
      if (!payload->has_value()) break;
      if ((*payload)->size() > kAcrLongestPayload) abort();
      if (!std::equal((*payload)->begin(), (*payload)->end(), stream.begin() + at + 3)) abort();
      at += (*payload)->size() + 5;
      size_t used = 0;
      const auto block = ParseAcrBlock(**payload, &used);
      if (block.ok() && (used > (*payload)->size() || used != block->data.size() + 7)) abort();
    }
  }
  return 0;
}
