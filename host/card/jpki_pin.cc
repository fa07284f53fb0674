// The PIN, and what is done with it: tries left, VERIFY, signature.
#include <algorithm>
#include <array>
#include <utility>

#include "host/card/jpki.h"
#include "host/card/status_word.h"

namespace madoguchi {
namespace {

constexpr uint8_t kKey = 0x17;  // EF 0017
constexpr size_t kSignatureSize = 256;

// Class 80 is the card's own (measured), not the interindustry one.
std::vector<uint8_t> ComputeSignature(uint8_t p2, const std::string& digest_info) {
  const std::array<uint8_t, 5> head = {0x80, 0x2A, 0x00, p2,
                                       static_cast<uint8_t>(digest_info.size())};
  std::vector<uint8_t> command(head.size() + digest_info.size() + 1);  // Le = 00
  std::copy(digest_info.begin(), digest_info.end(),
            std::copy(head.begin(), head.end(), command.begin()));
  return command;
}

// A blocked PIN is 6984 on this card (measured), 6983 in ISO 7816-4.
bool IsBlocked(uint16_t sw) { return sw == 0x63C0 || sw == 0x6983 || sw == 0x6984; }

}  // namespace

absl::StatusOr<std::optional<int>> Jpki::TriesLeft() {
  if (!short_ids_) {
    if (absl::Status selected = SelectFile(kPin); !selected.ok()) return selected;
  }
  const auto ask = [&](uint8_t p2) -> absl::StatusOr<Answer> {
    if (tries_) return *std::exchange(tries_, std::nullopt);
    return Exchange(std::array<uint8_t, 4>{0x00, 0x20, 0x00, p2});
  };
  auto answer = ask(short_ids_ ? kByShortId | kPin : kByShortId);
  if (!answer.ok()) return answer.status();
  if (short_ids_ && RefusesShortId(answer->sw)) {
    short_ids_ = false;
    const absl::Status selected = SelectFile(kPin);
    if (!selected.ok()) return selected;
    answer = ask(kByShortId);
    if (!answer.ok()) return answer.status();
  }
  if (IsBlocked(answer->sw)) return 0;
  if (answer->sw == 0x9000) return std::optional<int>();
  if ((answer->sw & 0xFFF0) == 0x63C0) return std::optional<int>(answer->sw & 0x0F);
  return Invalid("empty VERIFY", answer->sw);
}

std::vector<uint8_t> Jpki::VerifyTemplate() const {
  const uint8_t p2 = short_ids_ ? kByShortId | kPin : kByShortId;
  return {0x00, 0x20, 0x00, p2, 0x00};
}

std::vector<std::vector<uint8_t>> Jpki::AfterVerify(const std::string& digest_info) const {
  std::vector<std::vector<uint8_t>> following;
  if (short_ids_ && !digest_info.empty()) {
    following.push_back(ComputeSignature(kByShortId | kKey, digest_info));
  }
  return following;
}

absl::StatusOr<PinResult> Jpki::VerifyPin(Secret* pin, const std::string& digest_info) {
  return TakeVerified(
      session_->VerifyPinAndTransmitAll(VerifyTemplate(), pin, AfterVerify(digest_info)));
}

absl::StatusOr<PinResult> Jpki::VerifyAtPad(const PadForm& form, const std::string& digest_info) {
  return TakeVerified(
      session_->VerifyAtPadAndTransmitAll(VerifyTemplate(), form, AfterVerify(digest_info)));
}

absl::StatusOr<PinResult> Jpki::TakeVerified(
    const absl::StatusOr<std::vector<std::vector<uint8_t>>>& responses) {
  if (!responses.ok()) return responses.status();
  const std::vector<uint8_t>& response = responses->front();
  if (response.size() != 2) {
    return FailureStatus(check::v1::FAILURE_CODE_CARD_ANSWER_INVALID, "VERIFY brought data");
  }
  if (responses->size() == 2) {
    auto signature = Split(responses->back());
    if (!signature.ok()) return signature.status();
    // A chained answer of a T=0 card is asked for anew, by itself.
    if (!IsChained(signature->sw)) signature_ = *std::move(signature);
  }
  const uint16_t sw = response[0] << 8 | response[1];
  PinResult result;
  if (sw == 0x9000) {
    result.verified = true;
  } else if (IsBlocked(sw)) {
    result.blocked = true;
  } else if ((sw & 0xFFF0) == 0x63C0) {
    result.tries_left = sw & 0x0F;
  } else {
    return Invalid("VERIFY", sw);
  }
  return result;
}

absl::StatusOr<std::string> Jpki::Sign(const std::string& digest_info) {
  if (!short_ids_) {
    const absl::Status selected = SelectFile(kKey);
    if (!selected.ok()) return selected;
  }
  const auto compute = [&](uint8_t p2) -> absl::StatusOr<Answer> {
    if (signature_) return *std::exchange(signature_, std::nullopt);
    return Exchange(ComputeSignature(p2, digest_info));
  };
  auto answer = compute(short_ids_ ? kByShortId | kKey : kByShortId);
  if (!answer.ok()) return answer.status();
  if (short_ids_ && RefusesShortId(answer->sw)) {
    const absl::Status selected = SelectFile(kKey);
    if (!selected.ok()) return selected;
    answer = compute(kByShortId);
    if (!answer.ok()) return answer.status();
  }
  if (answer->sw != 0x9000 || answer->data.size() != kSignatureSize) {
    return Invalid("COMPUTE DIGITAL SIGNATURE", answer->sw);
  }
  return std::string(answer->data.begin(), answer->data.end());
}

}  // namespace madoguchi
