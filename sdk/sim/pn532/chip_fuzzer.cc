// A host that says anything to the chip, while the card comes, answers, and goes. A byte says what
// happens next, one how much is said.
#include <algorithm>

#include "sdk/sim/pn532/chip.h"

namespace {

using namespace madoguchi::pn532;  // NOLINT

class Desk final : public Board {
 public:
  void Say(Bytes bytes) override {
    if (bytes.size() > kLongestBody + 10 || bytes.empty()) __builtin_trap();
    said += bytes.size();
  }
  void Unplug(std::chrono::milliseconds) override {}
  bool HasCard() const override { return card; }
  const Bytes& Atr() const override { return atr; }
  void PowerCard(bool) override {}
  bool ToCard(std::span<const uint8_t> apdu) override { return card && apdu.size() > 1; }
  void AbandonCard() override {}

  size_t said = 0;
  bool card = false;
  Bytes atr = {0x3B, 0x80, 0x80, 0x01, 0x01};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Desk desk;
  Chip chip(desk, 1);
  Chip::Time now{};
  const uint8_t wake = 0x55;
  chip.Heard({&wake, 1}, now);
  for (size_t at = 0; at + 1 < size;) {
    const uint8_t action = data[at];
    const size_t length = std::min<size_t>(data[at + 1], size - at - 2);
    const std::span<const uint8_t> bytes(data + at + 2, length);
    at += 2 + length;
    now += std::chrono::milliseconds(action);
    switch (action % 8) {
      case 0:
        desk.card = true;
        chip.CardCame();
        break;
      case 1:
        desk.card = false;
        chip.CardLeft();
        break;
      case 2:
        chip.CardAnswered(Bytes(action * 8, 0x90), now);
        break;
      case 3:
        chip.Turn(now);
        break;
      case 4:
        chip.Heard(bytes, now);
        break;
      default: {
        // A frame that is one.
        if (length == 0) break;
        Bytes frame = EncodeAnswer(bytes);
        frame[length + 1 <= 255 ? 5 : 8] = kFromHost;
        frame[frame.size() - 2] += kFromChip - kFromHost;
        chip.Heard(frame, now);
        if (chip.awake()) break;
        chip.Heard({&wake, 1}, now);
      }
    }
  }
  return 0;
}
