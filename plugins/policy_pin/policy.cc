#include "plugins/policy_pin/policy.h"

#include <optional>

namespace madoguchi {
namespace {

using Evidence = policy::v1::ProjectedEvidence;

constexpr int kMostEvidence = 32;
constexpr int64_t kLongestPin = 16;

enum class Asked { kPin, kCertificate, kProof, kLastTry, kAnswer, kNothing };

// What comes after `evidence` was brought for `asked`; nullopt when it is no answer to that.
std::optional<Asked> After(Asked asked, Evidence::Kind evidence, bool certificate_read) {
  if (asked == Asked::kNothing) return std::nullopt;
  if (evidence == Evidence::KIND_FAILED) return Asked::kNothing;
  switch (asked) {
    case Asked::kPin:
      if (evidence != Evidence::KIND_PIN_SEALED && evidence != Evidence::KIND_PIN_AT_PAD) break;
      // A second PIN is for the card whose certificate is there already.
      return certificate_read ? Asked::kProof : Asked::kCertificate;
    case Asked::kCertificate:
      if (evidence == Evidence::KIND_CERTIFICATE_READ) return Asked::kProof;
      break;
    case Asked::kProof:
      if (evidence == Evidence::KIND_CARD_PROVEN) return Asked::kAnswer;
      if (evidence == Evidence::KIND_PIN_REJECTED) return Asked::kPin;
      if (evidence == Evidence::KIND_LAST_TRY) return Asked::kLastTry;
      if (evidence == Evidence::KIND_PIN_BLOCKED) return Asked::kNothing;
      break;
    case Asked::kLastTry:
      if (evidence == Evidence::KIND_LAST_TRY_ACCEPTED) return Asked::kProof;
      break;
    case Asked::kAnswer:
      if (evidence == Evidence::KIND_ANSWERED) return Asked::kNothing;
      break;
    case Asked::kNothing:
      break;
  }
  return std::nullopt;
}

}  // namespace

absl::Status PinPolicy::Start(const plugin::Settings& settings) {
  const auto shortest = settings.Integer("pin_shortest", 1, kLongestPin);
  if (!shortest.ok()) return shortest.status();
  const auto longest = settings.Integer("pin_longest", *shortest, kLongestPin);
  if (!longest.ok()) return longest.status();
  const auto digits = settings.Boolean("pin_digits");
  if (!digits.ok()) return digits.status();
  form_.set_shortest(static_cast<uint32_t>(*shortest));
  form_.set_longest(static_cast<uint32_t>(*longest));
  form_.set_digits(*digits);
  return absl::OkStatus();
}

absl::StatusOr<policy::v1::NextReply> PinPolicy::Next(const policy::v1::NextRequest& request) {
  if (request.evidence_size() > kMostEvidence) {
    return absl::InvalidArgumentError("more than 32 pieces of evidence");
  }
  Asked asked = Asked::kPin;
  bool certificate_read = false;
  for (const Evidence& evidence : request.evidence()) {
    const auto next = After(asked, evidence.kind(), certificate_read);
    if (!next) {
      return absl::InvalidArgumentError(Evidence::Kind_Name(evidence.kind()) +
                                        " does not answer the step before it");
    }
    asked = *next;
    certificate_read |= evidence.kind() == Evidence::KIND_CERTIFICATE_READ;
  }
  policy::v1::NextReply reply;
  switch (asked) {
    case Asked::kPin:
      *reply.mutable_step()->mutable_ask_pin()->mutable_form() = form_;
      break;
    case Asked::kCertificate:
      reply.mutable_step()->mutable_read_certificate();
      break;
    case Asked::kProof:
      reply.mutable_step()->mutable_prove_card();
      break;
    case Asked::kLastTry:
      reply.mutable_step()->mutable_ask_last_try();
      break;
    case Asked::kAnswer:
      reply.mutable_step()->mutable_ask_authority();
      break;
    case Asked::kNothing:
      reply.mutable_finish();
      break;
  }
  return reply;
}

}  // namespace madoguchi
