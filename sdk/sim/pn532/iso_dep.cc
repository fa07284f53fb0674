#include "sdk/sim/pn532/iso_dep.h"

#include <algorithm>
#include <utility>

namespace madoguchi::pn532 {
namespace {

// ISO/IEC 14443-4, 7.1.1.1: the PCB.
constexpr uint8_t kWithCid = 0x08, kChained = 0x10, kNak = 0x10, kNumber = 0x01;
constexpr size_t kLongestCommand = 65535;

bool IsI(uint8_t pcb) { return (pcb & 0xE6) == 0x02; }  // NAD is not taken
bool IsR(uint8_t pcb) { return (pcb & 0xE6) == 0xA2; }
bool IsDeselect(uint8_t pcb) { return (pcb & 0xF7) == 0xC2; }

}  // namespace

IsoDep::Reply IsoDep::Heard(std::span<const uint8_t> block) {
  if (block.empty()) return {};
  const uint8_t pcb = block[0];
  with_cid_ = (pcb & kWithCid) != 0;
  const size_t header = with_cid_ ? 2 : 1;
  if (block.size() < header || (with_cid_ && (block[1] & 0x0F) != kCid)) return {};
  const auto cid = [&](uint8_t code) {
    return with_cid_ ? Bytes{static_cast<uint8_t>(code | kWithCid), kCid} : Bytes{code};
  };
  if (IsDeselect(pcb)) return {.block = cid(0xC2), .deselected = true};
  const uint8_t number = pcb & kNumber;
  if (IsR(pcb)) {
    const bool nak = (pcb & kNak) != 0;
    // 7.5.4.3: rules 11, 12 and 13. The number of the last block that the card sent is the other
    // one than number_.
    if (number != number_) {
      if (last_.empty()) return {};
      return {.block = last_};
    }
    if (nak) return {.block = cid(0xA2 | static_cast<uint8_t>(number_ ^ kNumber))};
    if (answer_.empty()) return {};
    return {.block = NextBlock()};
  }
  if (!IsI(pcb)) return {};
  if (command_.size() + block.size() > kLongestCommand) return {};
  command_.insert(command_.end(), block.begin() + header, block.end());
  answer_.clear();
  number_ = number;
  if ((pcb & kChained) != 0) {
    last_ = cid(0xA2 | number);
    number_ ^= kNumber;
    return {.block = last_};
  }
  return {.apdu = std::exchange(command_, {})};
}

Bytes IsoDep::Answered(std::span<const uint8_t> answer) {
  answer_.assign(answer.begin(), answer.end());
  return NextBlock();
}

Bytes IsoDep::NextBlock() {
  const size_t size = std::min(answer_.size(), kBlock);
  uint8_t pcb = 0x02 | number_;
  if (size < answer_.size()) pcb |= kChained;
  if (with_cid_) pcb |= kWithCid;
  Bytes block = {pcb};
  if (with_cid_) block.push_back(kCid);
  block.insert(block.end(), answer_.begin(), answer_.begin() + size);
  answer_.erase(answer_.begin(), answer_.begin() + size);
  number_ ^= kNumber;
  last_ = block;
  return block;
}

void IsoDep::Exchanged(std::span<const uint8_t> answer) {
  with_cid_ = true;
  Answered(answer);
  while (!answer_.empty()) NextBlock();
}

}  // namespace madoguchi::pn532
