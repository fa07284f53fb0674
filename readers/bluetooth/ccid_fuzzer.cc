// What a CCID reader sends is a stranger's bytes. First byte: the size of the pieces, second: the
// command that is under way; then the stream.
#include <algorithm>
#include <cstdlib>

#include "readers/bluetooth/ccid.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace madoguchi::bluetooth;  // NOLINT
  if (size < 2) return 0;
  const size_t piece = data[0] + 1;
  Ccid codec;
  codec.Begin();
  codec.TakeEvent();
  const uint8_t command[] = {0x00, 0xB0, 0x00, 0x00, 0x00};
  switch (data[1] & 3) {
    case 0:
      codec.PowerOn();
      break;
    case 1:
      codec.PowerOff();
      break;
    case 2:
      codec.AskSlot();
      break;
    default:
      codec.Transmit(command);
  }
  const std::span<const uint8_t> stream(data + 2, size - 2);
  bool broken = false;
  for (size_t at = 0; at < stream.size(); at += piece) {
    const auto part = stream.subspan(at, std::min(piece, stream.size() - at));
    if (data[1] & 4) codec.ReceiveStatus(part);
    codec.Receive(part);
    while (codec.TakeFrame()) {
    }
    while (const auto event = codec.TakeEvent()) {
      if (broken || event->bytes.size() > kLongestAnswer) abort();
      broken = event->kind == Event::Kind::kBroken;
    }
  }
  return 0;
}
