#include "sdk/sim/bluez/acr1255.h"

#include <algorithm>

namespace madoguchi::bluez {
namespace {

using acr1255::Block;
using acr1255::Error;

constexpr size_t kAesBlock = 16;
constexpr uint8_t kPadding = 0xFF;

// The param of a slot status and of an event.
constexpr uint8_t kActive = 0, kPresent = 1, kAbsent = 2;
constexpr uint8_t kCameEvent = 2, kWentEvent = 3;

constexpr int kProofsBeforeLocking = 3;

// Escapes: `E0 00 00 instruction ...`, answered by `E1 00 00 instruction ...`.
constexpr uint8_t kFirmwareVersion = 0x18, kPolling = 0x40, kAuthenticate = 0x45, kProve = 0x46,
                  kSleepMode = 0x48;
constexpr size_t kEscapeHeader = 5;

constexpr char kVersion[] = "ACR1255U-J1 SWV 9.99";

// The reader's own answer to GET DATA, the card's identifier (PC/SC part 3, 3.2.2.1.3): a PUPI.
const Bytes kGetUid = {0xFF, 0xCA, 0x00, 0x00, 0x00};
const Bytes kUid = {0x08, 0x4D, 0x41, 0x44, 0x90, 0x00};

template <typename T>
const Error* ErrorOf(const std::variant<T, Error>& result) {
  return std::get_if<Error>(&result);
}

}  // namespace

Profile Acr1255::profile() const {
  std::vector<std::string> write = {"write"};
  if (faults_.write_without_response) write.insert(write.begin(), "write-without-response");
  return {{.uuid = "3c4afff0-4783-3de5-a983-d348718ef133",
           .characteristics = {
               {"3c4afff1-4783-3de5-a983-d348718ef133", write, Pipe::kCommand},
               {"3c4afff2-4783-3de5-a983-d348718ef133", {"notify"}, Pipe::kAnswer},
               {"3c4afff3-4783-3de5-a983-d348718ef133", {"read"}, Pipe::kFixed, {0x00}}}}};
}

void Acr1255::Forget() {
  cutter_.Clear();
  challenge_.clear();
  session_key_.clear();
  chain_.Clear();
  wrong_proofs_ = 0;
  polling_ = false;
  if (std::exchange(powered_, false)) card_.PowerOff();
}

void Acr1255::Handle(const Bytes& frame) {
  seq_ = 0;
  auto payload = acr1255::Unframed(frame);
  if (const Error* error = ErrorOf(payload)) return AnswerError(*error);
  Bytes& bytes = std::get<Bytes>(payload);
  if (authenticated()) {
    if (bytes.empty() || bytes.size() % kAesBlock != 0) return AnswerError(Error::kReceivedData);
    bytes = acr1255::Decrypt(session_key_, bytes);
  }
  const auto block = acr1255::DecodeBlock(bytes);
  if (const Error* error = ErrorOf(block)) return AnswerError(*error);
  HandleBlock(std::get<Block>(block));
}

void Acr1255::HandleBlock(const Block& block) {
  seq_ = block.seq;
  if (block.type == acr1255::kEscape) return HandleEscape(block);
  if (!authenticated()) return AnswerError(Error::kUnauthorized);
  switch (block.type) {
    case acr1255::kPowerOn: {
      if (!card_.present()) return AnswerSlotStatus();
      chain_.Clear();
      std::optional<Bytes> atr = card_.PowerOn();
      powered_ = atr.has_value();
      if (!atr) return AnswerError(Error::kTimeout);
      return AnswerBlock(acr1255::kData, 0, *std::move(atr));
    }
    case acr1255::kPowerOff:
      powered_ = false;
      card_.PowerOff();
      return AnswerSlotStatus();
    case acr1255::kGetSlotStatus:
      return AnswerSlotStatus();
    case acr1255::kApdu:
      return HandleApdu(block);
    default:
      return AnswerError(Error::kCommand);
  }
}

void Acr1255::HandleEscape(const Block& block) {
  const Bytes& data = block.data;
  if (data.size() < kEscapeHeader || data[0] != 0xE0 || data[1] != 0 || data[2] != 0) {
    return AnswerError(authenticated() ? Error::kCommand : Error::kUnauthorized);
  }
  const std::span<const uint8_t> rest = std::span(data).subspan(kEscapeHeader);
  if (data[3] == kAuthenticate) return BeginAuthentication();
  if (data[3] == kProve) return EndAuthentication(rest);
  if (!authenticated()) return AnswerError(Error::kUnauthorized);
  Bytes answer = {0xE1, 0x00, 0x00, data[3], data[4]};
  switch (data[3]) {
    case kPolling:
      polling_ = data[4] != 0;
      AnswerBlock(acr1255::kEscapeAnswer, 0, answer);
      if (polling_ && card_.present()) TellEvent();
      return;
    case kFirmwareVersion:
      answer[4] = sizeof kVersion - 1;
      answer.insert(answer.end(), kVersion, kVersion + sizeof kVersion - 1);
      return AnswerBlock(acr1255::kEscapeAnswer, 0, answer);
    case kSleepMode:
      return AnswerBlock(acr1255::kEscapeAnswer, 0, answer);
    default:
      return AnswerError(Error::kCommand);
  }
}

void Acr1255::BeginAuthentication() {
  if (wrong_proofs_ > kProofsBeforeLocking) return AnswerError(Error::kTooManyAuthentications);
  challenge_ = acr1255::Challenge();
  Bytes answer = {0xE1, 0x00, 0x00, kAuthenticate, 0x00};
  const Bytes hidden = acr1255::Encrypt(key(), challenge_);
  answer.insert(answer.end(), hidden.begin(), hidden.end());
  AnswerBlock(acr1255::kEscapeAnswer, 0, answer);
}

void Acr1255::EndAuthentication(std::span<const uint8_t> proof) {
  if (challenge_.empty()) return AnswerError(Error::kUnauthorized);
  const Bytes a = std::exchange(challenge_, {});
  bool proven = proof.size() == 2 * kAesBlock && !faults_.refuse_authentication;
  Bytes b_and_a;
  if (proven) {
    b_and_a = acr1255::Encrypt(key(), proof);
    proven = std::equal(a.begin(), a.end(), b_and_a.begin() + kAesBlock);
  }
  if (!proven) {
    ++wrong_proofs_;
    return AnswerError(wrong_proofs_ > kProofsBeforeLocking ? Error::kTooManyAuthentications
                                                            : Error::kUnauthorized);
  }
  const std::span<uint8_t> b(b_and_a.data(), kAesBlock);
  const Bytes session_key = acr1255::SessionKey(a, b);
  if (faults_.wrong_proof) b[0] ^= 0x01;
  Bytes answer = {0xE1, 0x00, 0x00, kProve, 0x00};
  const Bytes shown = acr1255::Encrypt(key(), b);
  answer.insert(answer.end(), shown.begin(), shown.end());
  // The answer still goes plain; what waits behind it is enciphered already.
  Bytes frame = Enframed({.type = acr1255::kEscapeAnswer, .seq = seq_, .data = std::move(answer)});
  session_key_ = session_key;
  Answer(std::move(frame));
}

void Acr1255::HandleApdu(const Block& block) {
  if (!powered_ || !card_.present()) return AnswerSlotStatus();
  Chain::Taken taken = chain_.Take(block.param, block.data);
  switch (taken.kind) {
    case Chain::Taken::Kind::kWrong:
      return AnswerError(Error::kReceivedData);
    case Chain::Taken::Kind::kMore:
      return AnswerBlock(acr1255::kData, Chain::kMore);
    case Chain::Taken::Kind::kResponse:
      return AnswerPart(*chain_.Next());
    case Chain::Taken::Kind::kCommand:
      if (taken.data == kGetUid) return AnswerBlock(acr1255::kData, 0, kUid);
      if (!SendToCard(taken.data)) AnswerError(Error::kReceivedData);
  }
}

void Acr1255::Answered(std::optional<Bytes> response) {
  if (response) return AnswerPart(chain_.Respond(*std::move(response), faults_.chained));
  if (!card_.present()) return AnswerSlotStatus();
  AnswerError(Error::kTimeout);
}

void Acr1255::CardChanged() {
  if (!card_.present()) powered_ = false;
  if (authenticated() && polling_) TellEvent();
}

Bytes Acr1255::Enframed(const Block& block) const {
  Bytes bytes = acr1255::Encode(block);
  if (authenticated()) {
    bytes.resize((bytes.size() + kAesBlock - 1) / kAesBlock * kAesBlock, kPadding);
    bytes = acr1255::Encrypt(session_key_, bytes);
  }
  return acr1255::Framed(bytes);
}

void Acr1255::AnswerBlock(uint8_t type, uint8_t param, Bytes data) {
  Answer(Enframed({.type = type, .seq = seq_, .param = param, .data = std::move(data)}));
}

void Acr1255::AnswerError(Error error) {
  // Never enciphered (5.7.6).
  Answer(acr1255::Framed(acr1255::Encode(
      {.type = acr1255::kError, .seq = seq_, .param = static_cast<uint8_t>(error)})));
}

void Acr1255::AnswerSlotStatus() {
  if (!card_.present()) powered_ = false;
  AnswerBlock(acr1255::kSlotStatus, powered_ ? kActive : card_.present() ? kPresent : kAbsent);
}

void Acr1255::AnswerPart(const Chain::Part& part) {
  AnswerBlock(acr1255::kData, part.level, part.data);
}

void Acr1255::TellEvent() {
  Tell(Pipe::kAnswer,
       Enframed({.type = acr1255::kEvent, .param = card_.present() ? kCameEvent : kWentEvent}));
}

}  // namespace madoguchi::bluez
