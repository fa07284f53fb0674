#include "readers/bluetooth/ccid.h"

#include <algorithm>
#include <cstdio>

namespace madoguchi::bluetooth {
namespace {

using namespace check::v1;  // NOLINT: the failure codes.

// CCID rev 1.1, 6.1 and 6.2.
constexpr uint8_t kPowerOn = 0x62, kPowerOff = 0x63, kAskSlot = 0x65, kBlock = 0x6F;
constexpr uint8_t kData = 0x80, kSlotStatus = 0x81, kSlotChange = 0x50;
constexpr size_t kHeader = 10;
constexpr size_t kSlotAt = 5, kSequenceAt = 6, kStatusAt = 7, kErrorAt = 8, kChainAt = 9;
// bStatus: bits 0 and 1 say what the slot holds, bits 6 and 7 what became of the command.
constexpr uint8_t kSlotBits = 0x03, kActive = 0, kInactive = 1, kAbsent = 2;
constexpr uint8_t kCommandBits = 0xC0, kFailed = 0x40, kMoreTime = 0x80;
constexpr uint8_t kMute = 0xFE;  // ICC_MUTE
// bChainParameter, and the wLevelParameter that asks for the next part.
constexpr uint8_t kWhole = 0x00, kBegins = 0x01, kEnds = 0x02, kGoesOn = 0x03, kNextPart = 0x10;
// bmSlotICCState of slot 0: whether a card is there, and whether that is news.
constexpr uint8_t kPresentBit = 0x01, kChangedBit = 0x02;

size_t LengthOf(std::span<const uint8_t> header) {
  return header[1] | static_cast<size_t>(header[2]) << 8 | static_cast<size_t>(header[3]) << 16 |
         static_cast<size_t>(header[4]) << 24;
}

std::string ErrorName(uint8_t error) {
  char hex[16];
  std::snprintf(hex, sizeof(hex), "bError %02X", error);
  return hex;
}

}  // namespace

void Ccid::Begin() {
  ready_ = true;
  Event event;
  event.kind = Event::Kind::kReady;
  events_.push_back(std::move(event));
}

void Ccid::PowerOn() { Send(kPowerOn, {}); }
void Ccid::PowerOff() { Send(kPowerOff, {}); }
void Ccid::AskSlot() { Send(kAskSlot, {}); }
void Ccid::Transmit(std::span<const uint8_t> command) { Send(kBlock, command); }

void Ccid::Send(uint8_t type, std::span<const uint8_t> data, uint8_t level) {
  if (!ready_ || broken_) return;
  asked_ = type;
  auto frame = Secret::OfSize(kHeader + data.size());
  if (!frame.ok()) return Break(std::string(frame.status().message()));
  const std::span<uint8_t> bytes = frame->bytes();
  bytes[0] = type;
  bytes[1] = static_cast<uint8_t>(data.size());
  bytes[2] = static_cast<uint8_t>(data.size() >> 8);
  bytes[kSequenceAt] = ++sequence_;
  bytes[8] = level;  // low byte of 6F's wLevelParameter; 62's bPowerSelect 0 is automatic
  std::copy(data.begin(), data.end(), bytes.begin() + kHeader);
  frames_.push_back(*std::move(frame));
}

void Ccid::Receive(std::span<const uint8_t> piece) {
  if (!ready_ || broken_) return;
  stream_.insert(stream_.end(), piece.begin(), piece.end());
  while (!broken_ && !stream_.empty()) {
    if (stream_[0] == kSlotChange) {
      if (stream_.size() < 2) return;
      HearChange(stream_[1]);
      stream_.erase(stream_.begin(), stream_.begin() + 2);
      continue;
    }
    if (stream_[0] != kData && stream_[0] != kSlotStatus) {
      return Break("a message of an unknown type");
    }
    if (stream_.size() < kHeader) return;
    const size_t length = LengthOf(stream_);
    if (length > kLongestAnswer) return Break("a message over 65538 bytes");
    if (stream_.size() < kHeader + length) return;
    const std::vector<uint8_t> message(stream_.begin(), stream_.begin() + kHeader + length);
    stream_.erase(stream_.begin(), stream_.begin() + kHeader + length);
    Hear(message);
  }
}

void Ccid::ReceiveStatus(std::span<const uint8_t> message) {
  // SpringCard puts the number of slots first where CCID has 50; the bits are the same.
  if (!ready_ || broken_ || message.size() < 2 || (message[1] & kChangedBit) == 0) return;
  HearChange(message[1]);
}

void Ccid::HearChange(uint8_t state) {
  Event event;
  event.kind = Event::Kind::kCard;
  event.present = (state & kPresentBit) != 0;
  events_.push_back(std::move(event));
}

void Ccid::Hear(std::span<const uint8_t> message) {
  if (asked_ == 0 || message[kSequenceAt] != sequence_) return;  // late, or not asked for
  const uint8_t slot = message[kStatusAt] & kSlotBits;
  const uint8_t outcome = message[kStatusAt] & kCommandBits;
  if (message[kSlotAt] != 0 || slot > kAbsent) return Break("a message for another slot");
  if (outcome == kMoreTime) return;
  if (outcome == kFailed) return HearFailure(slot, message[kErrorAt]);
  if (outcome != 0) return Break("a message with an unknown outcome");
  if (message[0] == kData && (asked_ == kPowerOn || asked_ == kBlock)) {
    return HearData(message.subspan(kHeader), message[kChainAt]);
  }
  switch (asked_) {
    case kPowerOff:
      return Done({});
    case kAskSlot:
      return Done({}, slot == kActive     ? Slot::kActive
                      : slot == kInactive ? Slot::kPresent
                                          : Slot::kAbsent);
    default:
      return HearFailure(slot, message[kErrorAt]);  // SpringCard: 81 for what did not work
  }
}

void Ccid::HearFailure(uint8_t slot, uint8_t error) {
  switch (asked_) {
    case kPowerOff:
      return Done({});
    case kAskSlot:
      return Done({}, slot == kActive     ? Slot::kActive
                      : slot == kInactive ? Slot::kPresent
                                          : Slot::kAbsent);
    case kPowerOn:
      return Fail(slot == kAbsent ? FAILURE_CODE_CARD_GONE : FAILURE_CODE_CARD_UNPOWERED,
                  ErrorName(error));
    default:
      // Another card than the one that was powered, or none.
      if (slot != kActive) return Fail(FAILURE_CODE_CARD_GONE, ErrorName(error));
      return Fail(error == kMute ? FAILURE_CODE_CARD_SILENT : FAILURE_CODE_READER_ANSWER_INVALID,
                  ErrorName(error));
  }
}

void Ccid::HearData(std::span<const uint8_t> data, uint8_t chain) {
  if (asked_ == kPowerOn) {
    if (data.size() < 2 || data.size() > 33) {
      return Fail(FAILURE_CODE_CARD_UNPOWERED, "no ATR");
    }
    return Done(std::vector<uint8_t>(data.begin(), data.end()));
  }
  if (answer_.size() + data.size() > kLongestAnswer) return Break("an answer without an end");
  answer_.insert(answer_.end(), data.begin(), data.end());
  switch (chain) {
    case kBegins:
    case kGoesOn:
      return Send(kBlock, {}, kNextPart);
    case kWhole:
    case kEnds:
      break;
    default:
      return Break("a part of an answer of unknown place");
  }
  if (answer_.size() < 2) return Fail(FAILURE_CODE_CARD_GONE, "no SW1 SW2");
  Done(std::move(answer_));
}

void Ccid::Done(std::vector<uint8_t> bytes, Slot slot) {
  asked_ = 0;
  Event event;
  event.kind = Event::Kind::kDone;
  event.bytes = std::move(bytes);
  event.slot = slot;
  events_.push_back(std::move(event));
  answer_.clear();
}

void Ccid::Fail(FailureCode code, const std::string& detail) {
  asked_ = 0;
  answer_.clear();
  Event event;
  event.kind = Event::Kind::kFailed;
  event.status = FailureStatus(code, detail);
  events_.push_back(std::move(event));
}

void Ccid::Break(const std::string& detail) {
  broken_ = true;
  Event event;
  event.kind = Event::Kind::kBroken;
  event.status = FailureStatus(FAILURE_CODE_READER_ANSWER_INVALID, detail);
  events_.push_back(std::move(event));
}

std::optional<Secret> Ccid::TakeFrame() {
  if (frames_.empty()) return std::nullopt;
  Secret frame = std::move(frames_.front());
  frames_.pop_front();
  return frame;
}

std::optional<Event> Ccid::TakeEvent() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace madoguchi::bluetooth
