#include "readers/bluetooth/acr1255.h"

#include <algorithm>
#include <cstdio>

namespace madoguchi::bluetooth {
namespace {

using namespace check::v1;  // NOLINT: the failure codes.

constexpr uint8_t kAskChallenge[] = {0xE0, 0x00, 0x00, 0x45, 0x00};
constexpr uint8_t kProof[] = {0xE0, 0x00, 0x00, 0x46, 0x00};
constexpr uint8_t kPollingOn[] = {0xE0, 0x00, 0x00, 0x40, 0x01};
constexpr uint8_t kStayAwake[] = {0xE0, 0x00, 0x00, 0x48, 0x04};
constexpr uint8_t kChallenge[] = {0xE1, 0x00, 0x00, 0x45, 0x00};
constexpr uint8_t kBelieved[] = {0xE1, 0x00, 0x00, 0x46, 0x00};
constexpr uint8_t kPolling[] = {0xE1, 0x00, 0x00, 0x40, 0x01};

constexpr uint8_t kCardCame = 0x02, kCardWent = 0x03;
constexpr uint8_t kSlotActive = 0x00, kSlotPresent = 0x01, kSlotAbsent = 0x02;
constexpr uint8_t kTimeout = 0x02, kUnauthorized = 0x04, kTooManyTries = 0x07;
// Of data blocks: whether there is more, and the host's word that it may come.
constexpr uint8_t kWhole = 0x00, kBegins = 0x01, kEnds = 0x02, kGoesOn = 0x03, kNextPart = 0x10;

bool BeginsWith(const std::vector<uint8_t>& data, std::span<const uint8_t> prefix) {
  return data.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), data.begin());
}

std::string ErrorName(uint8_t parameter) {
  char hex[16];
  std::snprintf(hex, sizeof(hex), "error %02X", parameter);
  return hex;
}

}  // namespace

void Acr1255::Begin() {
  stage_ = Stage::kChallenged;
  Send(AcrType::kEscape, kAskChallenge);
}

void Acr1255::Command(Asked asked, AcrType type, std::span<const uint8_t> data, uint8_t parameter) {
  if (stage_ != Stage::kReady) return;
  asked_ = asked;
  Send(type, data, parameter);
}

void Acr1255::Send(AcrType type, std::span<const uint8_t> data, uint8_t parameter) {
  absl::StatusOr<Secret> block = MakeAcrBlock(type, parameter, data);
  if (block.ok() && stage_ >= Stage::kPolling) block = session_.Seal(*block);
  if (block.ok()) block = MakeAcrFrame(block->bytes());
  if (!block.ok()) {
    return Break(FAILURE_CODE_READER_LOST, std::string(block.status().message()));
  }
  frames_.push_back(*std::move(block));
}

void Acr1255::Receive(std::span<const uint8_t> piece) {
  if (stage_ == Stage::kBroken || stage_ == Stage::kNew) return;
  stream_.Feed(piece);
  while (stage_ != Stage::kBroken) {
    const auto payload = stream_.Next();
    if (!payload.ok()) {
      return Break(FAILURE_CODE_READER_ANSWER_INVALID, std::string(payload.status().message()));
    }
    if (!payload->has_value()) return;
    size_t used = 0;
    const auto block =
        stage_ >= Stage::kPolling ? session_.Open(**payload) : ParseAcrBlock(**payload, &used);
    if (!block.ok()) {
      return Break(FAILURE_CODE_READER_ANSWER_INVALID, std::string(block.status().message()));
    }
    Hear(*block);
  }
}

void Acr1255::Hear(const AcrBlock& block) {
  switch (block.type) {
    case AcrType::kCard: {
      // Before the key it is not known who says it.
      if (stage_ < Stage::kPolling) return;
      if (block.parameter != kCardCame && block.parameter != kCardWent) return;
      Event event;
      event.kind = Event::Kind::kCard;
      event.present = block.parameter == kCardCame;
      events_.push_back(std::move(event));
      return;
    }
    case AcrType::kError:
      return HearError(block.parameter);
    case AcrType::kEscapeAnswer:
      return HearEscape(block);
    case AcrType::kData:
      return HearData(block);
    case AcrType::kSlot:
      return HearSlot(block.parameter);
    default:
      return Break(FAILURE_CODE_READER_ANSWER_INVALID, "a block of an unknown type");
  }
}

void Acr1255::HearEscape(const AcrBlock& block) {
  const std::span<const uint8_t> data(block.data);
  switch (stage_) {
    case Stage::kChallenged: {
      if (!BeginsWith(block.data, kChallenge)) break;
      const auto proof = session_.Prove(data.subspan(sizeof(kChallenge)));
      if (!proof.ok()) {
        return Break(FAILURE_CODE_READER_ANSWER_INVALID, std::string(proof.status().message()));
      }
      std::vector<uint8_t> escape(kProof, kProof + sizeof(kProof));
      escape.insert(escape.end(), proof->bytes().begin(), proof->bytes().end());
      stage_ = Stage::kProving;
      return Send(AcrType::kEscape, escape);
    }
    case Stage::kProving: {
      if (!BeginsWith(block.data, kBelieved)) break;
      if (absl::Status status = session_.Believe(data.subspan(sizeof(kBelieved))); !status.ok()) {
        return Break(absl::IsUnauthenticated(status) ? FAILURE_CODE_READER_KEY_WRONG
                                                     : FAILURE_CODE_READER_ANSWER_INVALID,
                     std::string(status.message()));
      }
      stage_ = Stage::kPolling;
      return Send(AcrType::kEscape, kPollingOn);
    }
    case Stage::kPolling:
      if (!BeginsWith(block.data, kPolling)) break;
      stage_ = Stage::kWaking;
      return Send(AcrType::kEscape, kStayAwake);
    case Stage::kWaking:
      return BecomeReady();
    default:
      return;  // nobody asked
  }
  Break(FAILURE_CODE_READER_ANSWER_INVALID, "an escape answer to something else");
}

void Acr1255::HearError(uint8_t parameter) {
  const bool key = parameter == kUnauthorized || parameter == kTooManyTries;
  switch (stage_) {
    case Stage::kWaking:
      return BecomeReady();
    case Stage::kReady:
      if (asked_ == Asked::kNothing) return;
      if (key) break;
      if (asked_ == Asked::kPowerOff) return Done({});
      if (asked_ == Asked::kPowerOn) {
        return Fail(FAILURE_CODE_CARD_UNPOWERED, ErrorName(parameter));
      }
      // A card that is lifted does not answer any more: the reader waits for it in vain.
      if (parameter == kTimeout) return Fail(FAILURE_CODE_CARD_GONE, ErrorName(parameter));
      return Fail(FAILURE_CODE_READER_ANSWER_INVALID, ErrorName(parameter));
    default:
      break;
  }
  Break(key ? FAILURE_CODE_READER_KEY_WRONG : FAILURE_CODE_READER_ANSWER_INVALID,
        ErrorName(parameter));
}

void Acr1255::HearData(const AcrBlock& block) {
  if (stage_ != Stage::kReady) {
    return Break(FAILURE_CODE_READER_ANSWER_INVALID, "an answer of a card before its time");
  }
  if (asked_ == Asked::kPowerOn) {
    if (block.data.size() < 2 || block.data.size() > 33) {
      return Fail(FAILURE_CODE_CARD_UNPOWERED, "no ATR");
    }
    return Done(block.data);
  }
  if (asked_ != Asked::kApdu) return;
  if (answer_.size() + block.data.size() > kLongestAnswer) {
    return Break(FAILURE_CODE_READER_ANSWER_INVALID, "an answer without an end");
  }
  answer_.insert(answer_.end(), block.data.begin(), block.data.end());
  switch (block.parameter) {
    case kBegins:
    case kGoesOn:
      return Send(AcrType::kApdu, {}, kNextPart);
    case kWhole:
    case kEnds:
      break;
    default:
      return Break(FAILURE_CODE_READER_ANSWER_INVALID, "a part of an answer of unknown place");
  }
  // A card that was taken away in the middle.
  if (answer_.size() < 2) return Fail(FAILURE_CODE_CARD_GONE, "no SW1 SW2");
  Done(std::move(answer_));
}

void Acr1255::HearSlot(uint8_t parameter) {
  if (stage_ != Stage::kReady || parameter > kSlotAbsent) {
    return Break(FAILURE_CODE_READER_ANSWER_INVALID, "a slot's state out of place");
  }
  static_assert(kSlotActive < kSlotPresent && kSlotPresent < kSlotAbsent);
  switch (asked_) {
    case Asked::kNothing:
      return;
    case Asked::kPowerOn:
      return Fail(parameter == kSlotAbsent ? FAILURE_CODE_CARD_GONE : FAILURE_CODE_CARD_UNPOWERED,
                  "the card gives no ATR");
    case Asked::kPowerOff:
      return Done({});
    case Asked::kSlot:
      return Done({}, parameter == kSlotActive    ? Slot::kActive
                      : parameter == kSlotPresent ? Slot::kPresent
                                                  : Slot::kAbsent);
    case Asked::kApdu:
      // Whatever lies there now, it is not the card that was powered.
      return Fail(FAILURE_CODE_CARD_GONE, "the card is not powered any more");
  }
}

void Acr1255::BecomeReady() {
  stage_ = Stage::kReady;
  Event event;
  event.kind = Event::Kind::kReady;
  events_.push_back(std::move(event));
}

void Acr1255::Done(std::vector<uint8_t> bytes, Slot slot) {
  asked_ = Asked::kNothing;
  Event event;
  event.kind = Event::Kind::kDone;
  event.bytes = std::move(bytes);
  event.slot = slot;
  events_.push_back(std::move(event));
  answer_.clear();
}

void Acr1255::Fail(FailureCode code, const std::string& detail) {
  asked_ = Asked::kNothing;
  answer_.clear();
  Event event;
  event.kind = Event::Kind::kFailed;
  event.status = FailureStatus(code, detail);
  events_.push_back(std::move(event));
}

void Acr1255::Break(FailureCode code, const std::string& detail) {
  stage_ = Stage::kBroken;
  Event event;
  event.kind = Event::Kind::kBroken;
  event.status = FailureStatus(code, detail);
  events_.push_back(std::move(event));
}

std::optional<Secret> Acr1255::TakeFrame() {
  if (frames_.empty()) return std::nullopt;
  Secret frame = std::move(frames_.front());
  frames_.pop_front();
  return frame;
}

std::optional<Event> Acr1255::TakeEvent() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace madoguchi::bluetooth
