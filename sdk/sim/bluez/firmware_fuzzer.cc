// Any bytes, in pieces of any size, to each of the readers, before and after the authentication,
// with a card that comes, goes and answers in between. Nothing is claimed but that frames go out
// whole: what a reader says can be read as frames from end to end.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <algorithm>
#include <memory>
#include <span>

#include "sdk/sim/bluez/acr1255.h"
#include "sdk/sim/bluez/ccid_reader.h"
#include "sdk/sim/bluez/sim_host.h"

namespace madoguchi::bluez {
namespace {

const Bytes kB(16, 0x42);

// The right steps of an authentication, so that what is behind it is reached too. The bytes after
// it are taken as plain blocks and enciphered.
Bytes Authenticate(Acr1255& reader, SimRadio& radio) {
  const auto ask = [&](const Bytes& data) {
    reader.Take(acr1255::Framed(acr1255::Encode({.type = acr1255::kEscape, .data = data})));
    const auto payload = acr1255::Unframed(radio.Heard());
    return std::get<acr1255::Block>(acr1255::DecodeBlock(std::get<Bytes>(payload))).data;
  };
  const Bytes key = acr1255::DefaultMasterKey();
  const Bytes hidden = ask({0xE0, 0, 0, 0x45, 0});
  const Bytes a = acr1255::Decrypt(key, std::span(hidden).subspan(5));
  Bytes both = kB;
  both.insert(both.end(), a.begin(), a.end());
  Bytes data = {0xE0, 0, 0, 0x46, 0};
  const Bytes proof = acr1255::Decrypt(key, both);
  data.insert(data.end(), proof.begin(), proof.end());
  ask(data);
  if (!reader.authenticated()) abort();
  return acr1255::SessionKey(a, kB);
}

void CheckAcr(const Bytes& heard) {
  acr1255::FrameCutter cutter;
  cutter.Feed(heard);
  size_t seen = 0;
  while (const auto frame = cutter.Next()) {
    if (acr1255::Unframed(*frame).index() != 0) abort();
    seen += frame->size();
  }
  if (seen != heard.size()) abort();
}

}  // namespace
}  // namespace madoguchi::bluez

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace madoguchi::bluez;  // NOLINT(google-build-using-namespace)
  using namespace std::chrono_literals;
  if (size < 2) return 0;
  const uint8_t kind = data[0] % 4;
  const size_t piece = 1 + data[1];
  std::span<const uint8_t> rest(data + 2, size - 2);
  Timers timers;
  SimCard card;
  SimRadio radio;
  Faults faults;
  faults.chained = data[0] & 0x80 ? 5 : 0;
  std::unique_ptr<Firmware> reader;
  Bytes session_key;
  if (kind < 2) {
    auto acr = std::make_unique<Acr1255>(card, timers, faults, 5000ms);
    radio.firmware = acr.get();
    acr->LinkUp(radio);
    if (kind == 1) session_key = Authenticate(*acr, radio);
    reader = std::move(acr);
  } else {
    reader = std::make_unique<CcidReader>(
        card, timers, faults, 5000ms,
        kind == 2 ? CcidReader::Make::kFeitian : CcidReader::Make::kSpringCore);
    radio.firmware = reader.get();
    reader->LinkUp(radio);
  }
  while (!rest.empty()) {
    const size_t count = std::min(piece, rest.size());
    const std::span<const uint8_t> taken = rest.first(count);
    rest = rest.subspan(count);
    if (session_key.empty()) {
      reader->Take(taken);
    } else {
      acr1255::Block block{.type = taken[0]};
      if (taken.size() > 1) block.param = taken[1];
      if (taken.size() > 2) block.data.assign(taken.begin() + 2, taken.end());
      Bytes bytes = acr1255::Encode(block);
      bytes.resize((bytes.size() + 15) / 16 * 16, 0xFF);
      reader->Take(acr1255::Framed(acr1255::Encrypt(session_key, bytes)));
    }
    switch (taken[0] % 8) {
      case 0:
        card.lies = false;
        reader->CardLeft();
        break;
      case 1:
        card.lies = true;
        reader->CardArrived();
        break;
      case 2:
        timers.AdvanceTo(timers.now() + 5000ms);
        break;
      default:
        reader->CardAnswered(Bytes(taken.begin(), taken.end()));
    }
  }
  if (kind < 2) CheckAcr(radio.Heard());
  return 0;
}
