#include "sdk/recording/recorded_card.h"

#include <openssl/rsa.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "sdk/failure/failure.h"

namespace madoguchi::recording {
namespace {

constexpr uint8_t kVerify = 0x20;

absl::Status Unrecorded(std::span<const uint8_t> command) {
  return FailureStatus(
      check::v1::FAILURE_CODE_CARD_ANSWER_INVALID,
      "the recording has no answer to " + ToHex(command.first(4)) + " in this state of the card");
}

bool StartsWith(std::span<const uint8_t> whole, std::span<const uint8_t> head) {
  return whole.size() >= head.size() && std::equal(head.begin(), head.end(), whole.begin());
}

bool IsPin(const Event& event) {
  const Exchange* const exchange = std::get_if<Exchange>(&event.kind);
  return exchange != nullptr && exchange->kind == v1::Exchange::KIND_VERIFY_PIN;
}

bool IsCard(const v1::Sight& sight) {
  return sight.presence() == reader::v1::PRESENCE_PRESENT ||
         sight.presence() == reader::v1::PRESENCE_UNPOWERED;
}

// Empty when the key cannot: `data` is too long for it, say.
std::vector<uint8_t> Sign(EVP_PKEY* key, std::span<const uint8_t> data) {
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> signing(
      EVP_PKEY_CTX_new(key, nullptr), EVP_PKEY_CTX_free);
  std::vector<uint8_t> signature(kSignatureSize);
  size_t size = signature.size();
  if (signing == nullptr || EVP_PKEY_sign_init(signing.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(signing.get(), RSA_PKCS1_PADDING) != 1 ||
      EVP_PKEY_sign(signing.get(), signature.data(), &size, data.data(), data.size()) != 1 ||
      size != signature.size()) {
    return {};
  }
  return signature;
}

}  // namespace

RecordedCard::RecordedCard(Recording recording) : recording_(std::move(recording)) {}

const Event* RecordedCard::NextSight() const {
  if (next_ >= recording_.events.size()) return nullptr;
  const Event& event = recording_.events[next_];
  return std::holds_alternative<v1::Sight>(event.kind) ? &event : nullptr;
}

void RecordedCard::ShowSight() {
  const Event* const event = NextSight();
  if (event == nullptr) return;
  const bool was = IsCard(sight_);
  sight_ = std::get<v1::Sight>(event->kind);
  if (IsCard(sight_) && !was) {
    ++insertion_;
    verified_ = false;
    refused_.reset();
  }
  begin_ = ++next_;
}

bool RecordedCard::over() const {
  return std::none_of(
      recording_.events.begin() + static_cast<ptrdiff_t>(next_), recording_.events.end(),
      [](const Event& event) { return std::holds_alternative<v1::Sight>(event.kind); });
}

check::v1::FailureCode RecordedCard::Open() {
  verified_ = false;
  if (next_ >= recording_.events.size()) return check::v1::FAILURE_CODE_UNSPECIFIED;
  const auto* const open = std::get_if<v1::Open>(&recording_.events[next_].kind);
  if (open == nullptr) return check::v1::FAILURE_CODE_UNSPECIFIED;
  ++next_;
  return open->failure();
}

void RecordedCard::Close() {
  verified_ = false;
  if (next_ < recording_.events.size() &&
      std::holds_alternative<v1::Close>(recording_.events[next_].kind)) {
    ++next_;
  }
}

absl::StatusOr<RecordedCard::Answer> RecordedCard::Transmit(std::span<const uint8_t> command) {
  if (command.size() < 4) return FailureStatus(check::v1::FAILURE_CODE_REQUEST_INVALID);
  const bool verify = command[1] == kVerify;
  if (verify && command.size() > 4) return VerifyPin(command);
  if (verify && refused_ && !verified_) {
    // Tries left, after a refusal that said it already.
    return Answer{{static_cast<uint8_t>(*refused_ >> 8), static_cast<uint8_t>(*refused_ & 0xff)}};
  }
  const auto found = Find(command);
  if (!found) return Unrecorded(command);
  const auto& exchange = std::get<Exchange>(recording_.events[*found].kind);
  if (*found >= next_) next_ = *found + 1;
  if (exchange.kind == v1::Exchange::KIND_SIGN) {
    signature_ = Sign(recording_.key.get(), command.subspan(5, command[4]));
    if (signature_.empty()) return Unrecorded(command);
  }
  return Say(exchange);
}

absl::StatusOr<RecordedCard::Answer> RecordedCard::VerifyPin(std::span<const uint8_t> command) {
  size_t at = next_;
  while (at < recording_.events.size() && !IsPin(recording_.events[at]) &&
         !std::holds_alternative<v1::Sight>(recording_.events[at].kind)) {
    ++at;
  }
  if (at == recording_.events.size() || !IsPin(recording_.events[at])) return Unrecorded(command);
  const auto& exchange = std::get<Exchange>(recording_.events[at].kind);
  if (!StartsWith(command, exchange.command)) return Unrecorded(command);
  next_ = at + 1;
  verified_ = exchange.status == 0x9000;
  refused_.reset();
  if (!verified_ && exchange.failure == check::v1::FAILURE_CODE_UNSPECIFIED) {
    refused_ = exchange.status;
  }
  return Say(exchange);
}

bool RecordedCard::Answers(const Event& event, std::span<const uint8_t> command) const {
  const Exchange* const exchange = std::get_if<Exchange>(&event.kind);
  if (exchange == nullptr || (exchange->verified && !verified_)) return false;
  if (exchange->kind == v1::Exchange::KIND_SIGN) {
    // With Le behind the data, or without.
    const size_t least = 5u + exchange->command[4];
    return StartsWith(command, exchange->command) && command.size() >= least &&
           command.size() <= least + 1;
  }
  return exchange->kind == v1::Exchange::KIND_PLAIN &&
         std::equal(command.begin(), command.end(), exchange->command.begin(),
                    exchange->command.end());
}

std::optional<size_t> RecordedCard::Find(std::span<const uint8_t> command) const {
  const auto& events = recording_.events;
  for (size_t at = next_; at < events.size(); ++at) {
    if (IsPin(events[at]) || std::holds_alternative<v1::Sight>(events[at].kind)) break;
    if (Answers(events[at], command)) return at;
  }
  for (size_t at = next_; at-- > begin_;) {
    if (Answers(events[at], command)) return at;
  }
  return std::nullopt;
}

absl::StatusOr<RecordedCard::Answer> RecordedCard::Say(const Exchange& exchange) {
  Answer answer{.bytes = {}, .took = exchange.took, .failure = exchange.failure};
  if (exchange.failure != check::v1::FAILURE_CODE_UNSPECIFIED) return answer;
  const auto add = [&](const std::vector<uint8_t>& from, const v1::Part& part) {
    const auto begin = from.begin() + part.from();
    answer.bytes.insert(answer.bytes.end(), begin, begin + part.bytes());
  };
  for (const v1::Piece& piece : exchange.pieces) {
    if (piece.has_certificate()) {
      add(recording_.certificate, piece.certificate());
    } else if (piece.has_signature()) {
      if (signature_.empty()) return Unrecorded(exchange.command);
      add(signature_, piece.signature());
    } else {
      answer.bytes.resize(answer.bytes.size() + piece.untold());
    }
  }
  answer.bytes.push_back(static_cast<uint8_t>(exchange.status >> 8));
  answer.bytes.push_back(static_cast<uint8_t>(exchange.status & 0xff));
  return answer;
}

}  // namespace madoguchi::recording
