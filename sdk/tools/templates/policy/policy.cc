#include "policy.h"

using Evidence = madoguchi::policy::v1::ProjectedEvidence;

absl::Status MyPolicy::Start(const madoguchi::plugin::Settings& settings) {
  const auto digits = settings.Integer("pin_digits", 4, 16);
  if (!digits.ok()) return digits.status();  // it says to the administrator what was expected
  form_.set_shortest(*digits);
  form_.set_longest(*digits);
  form_.set_digits(true);
  return absl::OkStatus();
}

// TODO: your workflow. What comes next depends on nothing but the evidence so far and the settings.
absl::StatusOr<madoguchi::policy::v1::NextReply> MyPolicy::Next(
    const madoguchi::policy::v1::NextRequest& request) {
  Evidence::Kind last = Evidence::KIND_UNSPECIFIED;  // nothing yet
  bool certificate_read = false;
  for (const Evidence& evidence : request.evidence()) {
    last = evidence.kind();
    certificate_read |= last == Evidence::KIND_CERTIFICATE_READ;
  }
  madoguchi::policy::v1::NextReply reply;
  switch (last) {
    case Evidence::KIND_UNSPECIFIED:
      if (request.evidence_size() > 0) return absl::InvalidArgumentError("evidence of no kind");
      [[fallthrough]];
    case Evidence::KIND_PIN_REJECTED:  // and tries are left
      *reply.mutable_step()->mutable_ask_pin()->mutable_form() = form_;
      return reply;
    case Evidence::KIND_PIN_SEALED:
    case Evidence::KIND_PIN_AT_PAD:
      // A second PIN is for the card whose certificate is there already.
      if (certificate_read) {
        reply.mutable_step()->mutable_prove_card();
      } else {
        reply.mutable_step()->mutable_read_certificate();
      }
      return reply;
    case Evidence::KIND_CERTIFICATE_READ:
    case Evidence::KIND_LAST_TRY_ACCEPTED:
      reply.mutable_step()->mutable_prove_card();
      return reply;
    case Evidence::KIND_LAST_TRY:
      reply.mutable_step()->mutable_ask_last_try();
      return reply;
    case Evidence::KIND_CARD_PROVEN:
      reply.mutable_step()->mutable_ask_authority();
      return reply;
    case Evidence::KIND_ANSWERED:
    case Evidence::KIND_PIN_BLOCKED:
    case Evidence::KIND_FAILED:
      reply.mutable_finish();  // the host derives the verdict from the evidence
      return reply;
    default:
      return absl::InvalidArgumentError(Evidence::Kind_Name(last) + " was never asked for");
  }
}
