#include "sdk/sim/pn532/chip.h"

#include <algorithm>
#include <utility>

#include "sdk/sim/pn532/command.h"

namespace madoguchi::pn532 {
namespace {

using std::chrono::milliseconds;

constexpr uint8_t kWake = 0x55;
// ISO/IEC 14443-3, 5.1: no later than that after the field went off a card is reset.
constexpr milliseconds kUntilCardForgets(5);

}  // namespace

void Chip::PowerUp() {
  Stop();
  DropTarget();
  if (std::exchange(field_, false)) ++fields_off_;
  card_forgets_.reset();
  PowerCard(false);
  decoder_.Clear();
  registers_.clear();
  tries_ = 0xFF;
  awake_ = false;
  last_said_.clear();
  late_.clear();
}

void Chip::Field(bool on, Time now) {
  if (std::exchange(field_, on) == on) return;
  card_forgets_.reset();
  if (on) return;
  ++fields_off_;
  card_forgets_ = now + kUntilCardForgets;
}

void Chip::PowerCard(bool on) {
  if (std::exchange(card_powered_, on) != on) board_.PowerCard(on);
}

std::optional<Chip::Time> Chip::next() const {
  if (!next_.has_value() || !card_forgets_.has_value()) return next_ ? next_ : card_forgets_;
  return std::min(*next_, *card_forgets_);
}

void Chip::Heard(std::span<const uint8_t> bytes, Time now) {
  Turn(now);
  if (dead_) return;
  if (!awake_) {
    const auto wake = std::find(bytes.begin(), bytes.end(), kWake);
    if (wake == bytes.end()) return;
    awake_ = true;
    decoder_.Clear();
    bytes = bytes.subspan(wake - bytes.begin());
  }
  decoder_.Feed(bytes);
  while (auto token = decoder_.Next()) {
    switch (token->kind) {
      case Token::Kind::kAck:
        Stop();
        break;
      case Token::Kind::kNack:
        if (!last_said_.empty()) board_.Say(last_said_);
        break;
      case Token::Kind::kFrame:
        Command(token->data, now);
    }
    if (dead_) return;
  }
}

// Whether the frame is the last, or only, one of a command APDU.
bool Chip::IsApdu(const Bytes& frame) const {
  if (frame[0] == kInDataExchange) return frame.size() > 2 && (frame[1] & kMore) == 0;
  // An I-block that is not chained.
  return frame[0] == kInCommunicateThru && frame.size() > 2 && (frame[1] & 0xF6) == 0x02;
}

void Chip::Command(const Bytes& frame, Time now) {
  Stop();
  of_apdu_.clear();
  if (IsApdu(frame) && target_ == Target::kSelected) {
    ++apdus_;
    ++apdus_total_;
    for (Fault& fault : faults_.TakeAt(apdus_)) {
      if (fault.OfOneApdu()) {
        of_apdu_.push_back(std::move(fault));
      } else {
        Happen(fault);
      }
    }
  }
  const bool dropped = std::any_of(of_apdu_.begin(), of_apdu_.end(), [](const Fault& fault) {
    return fault.name == Fault::Name::kDrop;
  });
  if (dead_ || dropped) return;
  ++commands_;
  if (!late_.empty()) board_.Say(std::exchange(late_, {}));
  board_.Say(EncodeAck());
  running_ = frame;
  Run(now);
}

void Chip::Run(Time now) {
  const auto data = std::span<const uint8_t>(running_).subspan(1);
  switch (running_[0]) {
    case kDiagnose:
      return Diagnose(data);
    case kGetFirmwareVersion:
      // A PN532 of version 1.6 that knows ISO 18092, ISO 14443 A and B.
      return Answer({0x32, 0x01, 0x06, 0x07});
    case kGetGeneralStatus: {
      Bytes status = {0x00, field_, target_ != Target::kNone};
      if (target_ != Target::kNone) status.insert(status.end(), {0x01, 0x00, 0x00, 0x00});
      status.push_back(0x00);
      return Answer(std::move(status));
    }
    case kReadRegister:
      return Registers(data, false);
    case kWriteRegister:
      return Registers(data, true);
    case kReadGpio:
      return Answer({0x00, 0x00, 0x00});
    case kWriteGpio:
    case kSetSerialBaudRate:
    case kSetParameters:
    case kSamConfiguration:
      return Answer({});
    case kPowerDown:
      AnswerStatus(kGood);
      awake_ = false;
      decoder_.Clear();
      return DropTarget();
    case kRfConfiguration:
      Configure(data, now);
      return Answer({});
    case kInListPassiveTarget:
      return List(data, now);
    case kInAutoPoll:
      return AutoPoll(data, now);
    case kInDataExchange:
      return Exchange(data);
    case kInCommunicateThru:
      return Through(data, now);
    case kInDeselect:
    case kInSelect: {
      const bool select = running_[0] == kInSelect;
      if (target_ == Target::kLost) DropTarget();
      if (target_ == Target::kNone && select) return AnswerStatus(kNoSuchTarget);
      if (target_ != Target::kNone) target_ = select ? Target::kSelected : Target::kDeselected;
      return AnswerStatus(kGood);
    }
    case kInRelease:
      DropTarget();
      return AnswerStatus(kGood);
    case kInJumpForPsl:
    case kInPsl:
    case kInAtr:
    case kInJumpForDep:
      return AnswerStatus(kTimedOut);
    case kTgInitAsTarget:
      busy_ = Busy::kForEver;
      return;
    default:
      last_said_ = EncodeError();
      board_.Say(last_said_);
  }
}

void Chip::Stop() {
  if (busy_ == Busy::kExchange || busy_ == Busy::kThrough) board_.AbandonCard();
  busy_ = Busy::kIdle;
  next_.reset();
  answered_.reset();
}

void Chip::Answer(Bytes data) {
  busy_ = Busy::kIdle;
  next_.reset();
  data.insert(data.begin(), running_[0] + 1);
  Bytes frame = EncodeAnswer(data);
  for (const Fault& fault : std::exchange(of_apdu_, {})) {
    if (fault.name == Fault::Name::kHang) return;
    if (fault.name == Fault::Name::kLate) {
      late_ = std::move(frame);
      return;
    }
    if (fault.name == Fault::Name::kStray) board_.Say(fault.bytes);
    if (fault.name == Fault::Name::kCorrupt) frame[frame.size() - 2] ^= 0x01;
    if (fault.name == Fault::Name::kStatus) {
      frame = EncodeAnswer(Bytes{data[0], static_cast<uint8_t>(fault.number)});
      response_.clear();
    }
  }
  last_said_ = frame;
  board_.Say(std::move(frame));
}

void Chip::Turn(Time now) {
  if (card_forgets_.has_value() && now >= *card_forgets_) {
    card_forgets_.reset();
    PowerCard(false);
  }
  if (!next_.has_value() || now < *next_) return;
  next_.reset();
  if (busy_ == Busy::kList || busy_ == Busy::kAuto) return Answer({0x00});
  if (answered_.has_value()) Deliver();
}

void Chip::CardCame() {
  apdus_ = 0;
  Find();
}

void Chip::Find() {
  if (!CardInField()) return;
  if (busy_ == Busy::kList && running_.size() > 2 && running_[2] == kTypeB) {
    Bytes found = Activate();
    found.insert(found.begin(), 0x01);
    return Answer(std::move(found));
  }
  if (busy_ == Busy::kAuto && auto_type_ != 0) {
    const Bytes found = Activate();
    Bytes data = {0x01, auto_type_, static_cast<uint8_t>(found.size())};
    data.insert(data.end(), found.begin(), found.end());
    return Answer(std::move(data));
  }
}

void Chip::CardLeft() {
  const bool waiting = busy_ == Busy::kExchange || busy_ == Busy::kThrough;
  card_powered_ = false;
  if (target_ != Target::kNone) target_ = Target::kLost;
  if (!waiting) return;
  DropTarget();
  AnswerStatus(kTimedOut);
}

void Chip::CardAnswered(std::span<const uint8_t> answer, Time now) {
  if (busy_ != Busy::kExchange && busy_ != Busy::kThrough) return;
  answered_ = Bytes(answer.begin(), answer.end());
  next_ = now + latency_;
  Turn(now);
}

void Chip::AddFault(Fault fault) {
  faults_.Add(std::move(fault));
  for (const Fault& due : faults_.TakeNow()) Happen(due);
}

void Chip::Happen(const Fault& fault) {
  switch (fault.name) {
    case Fault::Name::kLatency:
      latency_ = milliseconds(fault.number);
      return;
    case Fault::Name::kDead:
      Stop();
      dead_ = true;
      return;
    case Fault::Name::kFieldLost:
      if (field_lost_) return;
      field_lost_ = true;
      if (busy_ == Busy::kExchange || busy_ == Busy::kThrough) board_.AbandonCard();
      PowerCard(false);
      return CardLeft();
    case Fault::Name::kUnplug:
      return board_.Unplug(milliseconds(fault.number));
    default:
      return;
  }
}

void Chip::ClearFaults() {
  faults_.Clear();
  of_apdu_.clear();
  latency_ = milliseconds(0);
  dead_ = false;
  if (std::exchange(field_lost_, false) && board_.HasCard()) CardCame();
}

}  // namespace madoguchi::pn532
