// What the chip's commands about its antenna do.
#include <algorithm>
#include <utility>

#include "sdk/sim/pn532/chip.h"
#include "sdk/sim/pn532/command.h"

namespace madoguchi::pn532 {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTry(10);
constexpr milliseconds kPeriod(150);  // of InAutoPoll
constexpr uint8_t kForEver = 0xFF;
constexpr size_t kPart = 262;  // data bytes of one answer of InDataExchange
constexpr size_t kLongestApdu = 65535;

constexpr uint8_t kFieldItem = 0x01, kRetriesItem = 0x05;

// ISO/IEC 14443-3, 7: what a reader of raw frames says to wake and to select a card of type B.
constexpr uint8_t kReqb = 0x05, kAttrib = 0x1D;

// PC/SC part 3, 3.1.3.2.3.2: the ATR of a card of type B is 3B 8n 80 01, its application data (4),
// protocol info (3) and MBLI, TCK.
constexpr size_t kContactlessAtr = 13;

}  // namespace

void Chip::DropTarget() {
  target_ = Target::kNone;
  command_.clear();
  response_.clear();
}

Bytes Chip::Atqb() const {
  Bytes atqb = {0x50};
  atqb.insert(atqb.end(), pupi_.begin(), pupi_.end());
  const Bytes& atr = board_.Atr();
  if (atr.size() == kContactlessAtr && atr[1] == 0x88 && atr[2] == 0x80) {
    atqb.insert(atqb.end(), atr.begin() + 4, atr.begin() + 11);
  } else {
    atqb.insert(atqb.end(), {0x00, 0x00, 0x00, 0x00, 0x33, 0x81, 0x91});
  }
  return atqb;
}

Bytes Chip::Activate() {
  PowerCard(true);
  pupi_.resize(4);
  for (uint8_t& byte : pupi_) byte = static_cast<uint8_t>(random_());
  target_ = Target::kSelected;
  command_.clear();
  response_.clear();
  iso_dep_.Activate();
  Bytes data = {0x01};
  const Bytes atqb = Atqb();
  data.insert(data.end(), atqb.begin(), atqb.end());
  // ATTRIB_RES: MBLI 0 and CID 1.
  data.insert(data.end(), {0x01, IsoDep::kCid});
  return data;
}

void Chip::Configure(std::span<const uint8_t> data, Time now) {
  if (data.size() == 2 && data[0] == kFieldItem) {
    const bool on = (data[1] & 1) != 0;
    if (!on) DropTarget();
    Field(on, now);
  }
  if (data.size() == 4 && data[0] == kRetriesItem) tries_ = data[3];
}

void Chip::Registers(std::span<const uint8_t> data, bool write) {
  Bytes values;
  const size_t step = write ? 3 : 2;
  for (size_t i = 0; i + step <= data.size(); i += step) {
    uint8_t& value = registers_[data[i] << 8 | data[i + 1]];
    if (write) {
      value = data[i + 2];
    } else {
      values.push_back(value);
    }
  }
  Answer(std::move(values));
}

void Chip::Diagnose(std::span<const uint8_t> data) {
  constexpr uint8_t kEcho = 0x00, kAttention = 0x06;
  if (!data.empty() && data[0] == kEcho) return Answer(Bytes(data.begin(), data.end()));
  if (!data.empty() && data[0] == kAttention) {
    return AnswerStatus(CardInField() && target_ == Target::kSelected ? kGood : kTimedOut);
  }
  AnswerStatus(kGood);
}

void Chip::List(std::span<const uint8_t> data, Time now) {
  DropTarget();
  Field(true, now);
  const bool type_b = data.size() >= 2 && data[1] == kTypeB;
  if (type_b && CardInField()) {
    Bytes found = Activate();
    found.insert(found.begin(), 0x01);
    return Answer(std::move(found));
  }
  busy_ = Busy::kList;
  if (tries_ != kForEver) next_ = now + (tries_ + 1) * kTry;
}

void Chip::AutoPoll(std::span<const uint8_t> data, Time now) {
  DropTarget();
  Field(true, now);
  if (data.size() < 3) return Answer({0x00});
  const auto types = data.subspan(2);
  const auto match = std::find_if(types.begin(), types.end(),
                                  [](uint8_t type) { return type == kTypeB || type == kType4B; });
  auto_type_ = match == types.end() ? 0 : *match;
  busy_ = Busy::kAuto;
  if (data[0] != kForEver) next_ = now + data[0] * data[1] * types.size() * kPeriod;
  Find();
}

void Chip::Exchange(std::span<const uint8_t> data) {
  const bool known = !data.empty() && (data[0] & ~kMore) == 0x01 &&
                     (target_ == Target::kSelected || target_ == Target::kLost);
  if (!known) return AnswerStatus(kNoSuchTarget);
  if (target_ == Target::kLost || !CardInField()) {
    DropTarget();
    return AnswerStatus(kTimedOut);
  }
  if (data.size() == 1 && !response_.empty()) return NextPart();
  response_.clear();
  if (command_.size() + data.size() > kLongestApdu) {
    command_.clear();
    return AnswerStatus(kBufferTooSmall);
  }
  command_.insert(command_.end(), data.begin() + 1, data.end());
  if ((data[0] & kMore) != 0) return AnswerStatus(kGood);
  busy_ = Busy::kExchange;
  ToCard(std::exchange(command_, {}));
}

void Chip::NextPart() {
  const size_t size = std::min(response_.size(), kPart);
  Bytes part = {static_cast<uint8_t>(size < response_.size() ? kMore : kGood)};
  part.insert(part.end(), response_.begin(), response_.begin() + size);
  response_.erase(response_.begin(), response_.begin() + size);
  Answer(std::move(part));
}

void Chip::Through(std::span<const uint8_t> data, Time now) {
  if (target_ == Target::kLost || !CardInField()) {
    DropTarget();
    return AnswerStatus(kTimedOut);
  }
  Bytes said = {kGood};
  if (data.size() == 3 && data[0] == kReqb) {
    Field(true, now);
    Activate();
    const Bytes atqb = Atqb();
    said.insert(said.end(), atqb.begin(), atqb.end());
    return Answer(std::move(said));
  }
  if (data.size() >= 9 && data[0] == kAttrib) {
    if (!std::equal(pupi_.begin(), pupi_.end(), data.begin() + 1)) return AnswerStatus(kTimedOut);
    iso_dep_.Activate();
    said.push_back(data[8] & 0x0F);
    return Answer(std::move(said));
  }
  if (target_ != Target::kSelected) return AnswerStatus(kTimedOut);
  IsoDep::Reply reply = iso_dep_.Heard(data);
  if (reply.deselected) target_ = Target::kDeselected;
  if (reply.apdu.has_value()) {
    busy_ = Busy::kThrough;
    return ToCard(*reply.apdu);
  }
  if (!reply.block.has_value()) return AnswerStatus(kTimedOut);
  said.insert(said.end(), reply.block->begin(), reply.block->end());
  Answer(std::move(said));
}

void Chip::ToCard(std::span<const uint8_t> apdu) {
  if (board_.ToCard(apdu)) return;
  // What a card does with something that is no command: it says nothing.
  AnswerStatus(kTimedOut);
}

void Chip::Deliver() {
  const Bytes answer = *std::exchange(answered_, std::nullopt);
  if (busy_ == Busy::kThrough) {
    Bytes said = {kGood};
    const Bytes block = iso_dep_.Answered(answer);
    said.insert(said.end(), block.begin(), block.end());
    return Answer(std::move(said));
  }
  iso_dep_.Exchanged(answer);
  response_ = answer;
  NextPart();
}

}  // namespace madoguchi::pn532
