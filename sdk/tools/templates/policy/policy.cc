#include "policy.h"

#include <algorithm>
#include <iterator>

using Evidence = madoguchi::policy::v1::ProjectedEvidence;

namespace {

// Where a check can be: each but the end is a step that the host is asked for.
enum class Place { kPin, kCertificate, kProof, kLastTry, kPinAgain, kAuthority, kEnd };

struct Way {
  Place from;
  Evidence::Kind evidence;  // what the step brought
  Place to;
};

// TODO: your workflow. Every check begins at the first place; evidence that has no way from where
// the check is was not asked for, and is refused; KIND_FAILED ends it anywhere.
constexpr Way kWays[] = {
    {Place::kPin, Evidence::KIND_PIN_SEALED, Place::kCertificate},
    {Place::kPin, Evidence::KIND_PIN_AT_PAD, Place::kCertificate},
    {Place::kCertificate, Evidence::KIND_CERTIFICATE_READ, Place::kProof},
    {Place::kProof, Evidence::KIND_CARD_PROVEN, Place::kAuthority},
    {Place::kProof, Evidence::KIND_PIN_REJECTED, Place::kPinAgain},
    {Place::kProof, Evidence::KIND_LAST_TRY, Place::kLastTry},
    {Place::kProof, Evidence::KIND_PIN_BLOCKED, Place::kEnd},
    {Place::kPinAgain, Evidence::KIND_PIN_SEALED, Place::kProof},
    {Place::kPinAgain, Evidence::KIND_PIN_AT_PAD, Place::kProof},
    {Place::kLastTry, Evidence::KIND_LAST_TRY_ACCEPTED, Place::kProof},
    {Place::kAuthority, Evidence::KIND_ANSWERED, Place::kEnd},
};

}  // namespace

absl::Status MyPolicy::Start(const madoguchi::plugin::Settings& settings) {
  const auto digits = settings.Integer("pin_digits", 4, 16);
  if (!digits.ok()) return digits.status();  // it says to the administrator what was expected
  form_.set_shortest(*digits);
  form_.set_longest(*digits);
  form_.set_digits(true);
  return absl::OkStatus();
}

absl::StatusOr<madoguchi::policy::v1::NextReply> MyPolicy::Next(
    const madoguchi::policy::v1::NextRequest& request) {
  Place place = kWays[0].from;
  for (const Evidence& evidence : request.evidence()) {
    const auto way = std::find_if(std::begin(kWays), std::end(kWays), [&](const Way& one) {
      return one.from == place && one.evidence == evidence.kind();
    });
    const bool failed = evidence.kind() == Evidence::KIND_FAILED && place != Place::kEnd;
    if (way == std::end(kWays) && !failed) {
      return absl::InvalidArgumentError(Evidence::Kind_Name(evidence.kind()) +
                                        " does not answer the step before it");
    }
    place = failed ? Place::kEnd : way->to;
  }
  madoguchi::policy::v1::NextReply reply;
  switch (place) {
    case Place::kPin:
    case Place::kPinAgain:
      *reply.mutable_step()->mutable_ask_pin()->mutable_form() = form_;
      break;
    case Place::kCertificate:
      reply.mutable_step()->mutable_read_certificate();
      break;
    case Place::kProof:
      reply.mutable_step()->mutable_prove_card();
      break;
    case Place::kLastTry:
      reply.mutable_step()->mutable_ask_last_try();
      break;
    case Place::kAuthority:
      reply.mutable_step()->mutable_ask_authority();
      break;
    case Place::kEnd:
      reply.mutable_finish();  // the host derives the verdict from the evidence
      break;
  }
  return reply;
}
