#include "sdk/sim/bluez/ccid_reader.h"

#include <utility>

namespace madoguchi::bluez {
namespace {

constexpr uint8_t kActive = 0, kPresent = 1, kAbsent = 2;  // bStatus, the ICC's
constexpr uint8_t kFailed = 0x40;                          // bStatus, the command's

// bError; 1 and 5 are offsets in the message of what is wrong.
constexpr uint8_t kNotSupported = 0, kBadLength = 1, kBadSlot = 5, kBadLevel = 8, kMute = 0xFE;

// Feitian's slot changes: two bytes without a header.
constexpr uint8_t kSlotChange = 0x50, kCame = 0x03, kWent = 0x02;

}  // namespace

Profile CcidReader::profile() const {
  std::vector<std::string> write = {"write"};
  if (faults_.write_without_response) write.insert(write.begin(), "write-without-response");
  if (make_ == Make::kFeitian) {
    return {
        {.uuid = "46540001-0002-00c4-0000-465453414645",
         .characteristics = {{"46540002-0002-00c4-0000-465453414645", write, Pipe::kCommand},
                             {"46540003-0002-00c4-0000-465453414645", {"notify"}, Pipe::kAnswer}}}};
  }
  const bool bonded = faults_.pairing;  // A device has one of the two services, by its setting.
  return {{.uuid = bonded ? "7f20cdc5-a9fc-4c70-9292-3acf9de71f73"
                          : "f91c914f-367c-4108-ac3e-3d30cfdd0a1a",
           .characteristics = {{bonded ? "cd5bce75-65fc-4747-ab9a-ff82bfdfa7fb"
                                       : "281ebed4-86c4-4253-84f1-57fb9ab2f72c",
                                write, Pipe::kCommand},
                               {bonded ? "94ede62e-0808-46f8-91ec-ac0272d67796"
                                       : "811dc7a6-a573-4e15-89cc-7efacae04e3c",
                                {"indicate"},
                                Pipe::kAnswer},
                               {bonded ? "dc2aa4ca-76a9-43f9-9fe5-127652837ef5"
                                       : "eab75cab-c7dc-4db9-874c-4ad8ee0f180f",
                                {"read", "indicate"},
                                Pipe::kStatus}}}};
}

Bytes CcidReader::Status() const {
  return {0x01, static_cast<uint8_t>(card_.present() ? 0x01 : 0x00)};
}

void CcidReader::Forget() {
  cutter_.Clear();
  chain_.Clear();
  if (std::exchange(powered_, false)) card_.PowerOff();
}

uint8_t CcidReader::IccStatus() const {
  if (!card_.present()) return kAbsent;
  return powered_ ? kActive : kPresent;
}

void CcidReader::Handle(const Bytes& frame) {
  const std::optional<ccid::Message> message = ccid::Decode(frame);
  slot_ = message ? message->slot : 0;
  seq_ = message ? message->seq : 0;
  if (!message) return AnswerFailed(ccid::kSlotStatus, kBadLength);
  if (message->slot != 0) return AnswerFailed(ccid::kSlotStatus, kBadSlot);
  switch (message->type) {
    case ccid::kPowerOn:
      return HandlePowerOn();
    case ccid::kPowerOff:
      powered_ = false;
      card_.PowerOff();
      return AnswerMessage(ccid::kSlotStatus);
    case ccid::kGetSlotStatus:
      return AnswerMessage(ccid::kSlotStatus);
    case ccid::kTransfer:
      return HandleTransfer(*message);
    case ccid::kEscape:
      if (make_ == Make::kSpringCore) return AnswerMessage(ccid::kEscapeAnswer, {0x00});
      [[fallthrough]];
    default:
      return AnswerFailed(ccid::kSlotStatus, kNotSupported);
  }
}

void CcidReader::HandlePowerOn() {
  chain_.Clear();
  std::optional<Bytes> atr;
  if (card_.present()) atr = card_.PowerOn();
  powered_ = atr.has_value();
  if (atr) return AnswerMessage(ccid::kData, *std::move(atr));
  AnswerFailed(ccid::kData, kMute);
}

void CcidReader::HandleTransfer(const ccid::Message& message) {
  if (!card_.present()) powered_ = false;
  if (!powered_) return AnswerFailed(ccid::kData, kMute);
  // wLevelParameter, little-endian: its high byte is 0 in all that is known.
  Chain::Taken taken = chain_.Take(message.own[2] == 0 ? message.own[1] : 0xFF, message.data);
  switch (taken.kind) {
    case Chain::Taken::Kind::kWrong:
      return AnswerFailed(ccid::kData, kBadLevel);
    case Chain::Taken::Kind::kMore:
      return AnswerMessage(ccid::kData, {}, Chain::kMore);
    case Chain::Taken::Kind::kResponse: {
      Chain::Part part = *chain_.Next();
      return AnswerMessage(ccid::kData, std::move(part.data), part.level);
    }
    case Chain::Taken::Kind::kCommand:
      if (!SendToCard(taken.data)) AnswerFailed(ccid::kData, kBadLength);
  }
}

void CcidReader::Answered(std::optional<Bytes> response) {
  if (!card_.present()) powered_ = false;
  if (!response) return AnswerFailed(ccid::kData, kMute);
  Chain::Part part = chain_.Respond(*std::move(response), faults_.chained);
  AnswerMessage(ccid::kData, std::move(part.data), part.level);
}

void CcidReader::CardChanged() {
  if (!card_.present()) powered_ = false;
  if (make_ == Make::kFeitian) {
    Tell(Pipe::kAnswer, {kSlotChange, card_.present() ? kCame : kWent});
  } else {
    Bytes status = Status();
    status[1] |= 0x02;
    Tell(Pipe::kStatus, std::move(status));
  }
}

void CcidReader::AnswerMessage(uint8_t type, Bytes data, uint8_t chain) {
  Answer(ccid::Encode({.type = type,
                       .slot = slot_,
                       .seq = seq_,
                       .own = {IccStatus(), 0, chain},
                       .data = std::move(data)}));
}

void CcidReader::AnswerFailed(uint8_t type, uint8_t error) {
  // SpringCore answers whatever fails with a slot status (its host interface's CCID chapter).
  if (make_ == Make::kSpringCore) type = ccid::kSlotStatus;
  Answer(ccid::Encode({.type = type,
                       .slot = slot_,
                       .seq = seq_,
                       .own = {static_cast<uint8_t>(kFailed | IccStatus()), error, 0}}));
}

}  // namespace madoguchi::bluez
