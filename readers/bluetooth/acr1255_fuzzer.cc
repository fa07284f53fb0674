// What a Bluetooth reader sends is a stranger's bytes. First byte: how far the reader was honest
// before, and the size of the pieces; then the stream. With a key, what is encrypted is given as
// plain blocks, which the fuzzer seals: nobody guesses AES.
#include <cstdlib>

#include "readers/bluetooth/acr1255.h"
#include "readers/bluetooth/acr_peer.h"

namespace {

using madoguchi::bluetooth::AcrPeer;
using madoguchi::bluetooth::Bytes;

void Drain(madoguchi::bluetooth::Acr1255& codec, int* told) {
  while (codec.TakeFrame()) {
  }
  while (const auto event = codec.TakeEvent()) {
    if (event->bytes.size() > madoguchi::bluetooth::kLongestAnswer) abort();
    if ((event->kind == madoguchi::bluetooth::Event::Kind::kBroken) == event->status.ok() &&
        event->kind != madoguchi::bluetooth::Event::Kind::kFailed) {
      abort();
    }
    ++*told;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const int honest = data[0] & 3;
  const size_t piece = (data[0] >> 2) + 1;
  AcrPeer peer;
  madoguchi::bluetooth::Acr1255 codec(
      madoguchi::bluetooth::SecretOf(std::string(madoguchi::bluetooth::kMakersKey)),
      [](std::span<uint8_t> bytes) {
        std::fill(bytes.begin(), bytes.end(), 0x5B);
        return true;
      });
  int told = 0;
  codec.Begin();
  if (honest > 0) {
    codec.TakeFrame();
    codec.Receive(peer.Challenge());
  }
  if (honest > 1) {
    Bytes proof = peer.Hear(madoguchi::bluetooth::BytesOf(*codec.TakeFrame()));
    proof.erase(proof.begin(), proof.begin() + 2);
    if (!peer.Believes(proof)) abort();
    codec.Receive(peer.OwnProof());
  }
  if (honest > 2) {
    codec.Receive(peer.Say(0x83, 0, {0xE1, 0, 0, 0x40, 1}));
    codec.Receive(peer.Say(0x83, 0, {0xE1, 0, 0, 0x48, 4}));
  }
  Drain(codec, &told);
  if (honest > 2) {
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
        codec.Transmit(Bytes{0x00, 0xB0, 0x00, 0x00, 0x00});
    }
  }
  const std::span<const uint8_t> stream(data + 2, size - 2);
  for (size_t at = 0; at < stream.size(); at += piece) {
    const auto part = stream.subspan(at, std::min(piece, stream.size() - at));
    if (honest > 1 && part.size() >= 2) {
      codec.Receive(peer.Say(part[0], part[1], Bytes(part.begin() + 2, part.end())));
    } else {
      codec.Receive(part);
    }
    Drain(codec, &told);
  }
  return 0;
}
