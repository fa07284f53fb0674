// Any stream, in pieces of any size: the messages are those that a plain reading of the whole
// stream finds.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <algorithm>
#include <memory>
#include <span>

#include "sdk/sim/card/vpcd.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const size_t piece = 1 + data[0];
  const std::span<const uint8_t> stream(data + 1, size - 1);
  static const auto decoder = std::make_unique<madoguchi::sim::VpcdDecoder>();
  decoder->Clear();
  size_t seen = 0;  // Where the next message begins in the stream.
  for (size_t at = 0; at < stream.size();) {
    const std::span<uint8_t> space = decoder->Space();
    const size_t count = std::min({piece, space.size(), stream.size() - at});
    std::copy_n(stream.begin() + static_cast<ptrdiff_t>(at), count, space.begin());
    decoder->Received(count);
    at += count;
    while (const auto message = decoder->Message()) {
      const size_t length = size_t{stream[seen]} << 8 | stream[seen + 1];
      if (message->size() != length || seen + 2 + length > at ||
          !std::equal(message->begin(), message->end(),
                      stream.begin() + static_cast<ptrdiff_t>(seen + 2))) {
        abort();
      }
      seen += 2 + length;
      decoder->Pop();
    }
  }
  return 0;
}
