#include "host/check/verdict.h"

#include <algorithm>
#include <set>
#include <string>

#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

using check::v1::Evidence;
using check::v1::Record;
using check::v1::Step;
using policy::v1::ProjectedEvidence;

const Evidence* LastEvidence(const Record& record) {
  for (int i = record.entry_size() - 1; i >= 0; --i) {
    if (record.entry(i).has_evidence()) return &record.entry(i).evidence();
  }
  return nullptr;
}

// The place of the last evidence of `kind`, -1 without one.
int LastPlace(const Record& record, Evidence::KindCase kind) {
  for (int i = record.entry_size() - 1; i >= 0; --i) {
    if (record.entry(i).has_evidence() && record.entry(i).evidence().kind_case() == kind) return i;
  }
  return -1;
}

bool Has(const Record& record, Evidence::KindCase kind) { return LastPlace(record, kind) >= 0; }

ProjectedEvidence Projected(const Evidence& evidence) {
  ProjectedEvidence seen;
  switch (evidence.kind_case()) {
    case Evidence::kPinSealed:
      seen.set_kind(ProjectedEvidence::KIND_PIN_SEALED);
      break;
    case Evidence::kPinAtPad:
      seen.set_kind(ProjectedEvidence::KIND_PIN_AT_PAD);
      break;
    case Evidence::kCertificateRead:
      seen.set_kind(ProjectedEvidence::KIND_CERTIFICATE_READ);
      seen.set_credential(evidence.certificate_read().credential());
      break;
    case Evidence::kCardProven:
      seen.set_kind(ProjectedEvidence::KIND_CARD_PROVEN);
      break;
    case Evidence::kPinRejected:
      seen.set_kind(ProjectedEvidence::KIND_PIN_REJECTED);
      seen.set_tries_left(evidence.pin_rejected().tries_left());
      break;
    case Evidence::kLastTry:
      seen.set_kind(ProjectedEvidence::KIND_LAST_TRY);
      break;
    case Evidence::kLastTryAccepted:
      seen.set_kind(ProjectedEvidence::KIND_LAST_TRY_ACCEPTED);
      break;
    case Evidence::kPinBlocked:
      seen.set_kind(ProjectedEvidence::KIND_PIN_BLOCKED);
      break;
    case Evidence::kVisualMatch:
      seen.set_kind(ProjectedEvidence::KIND_VISUAL_MATCH);
      break;
    case Evidence::kAnswered:
      seen.set_kind(ProjectedEvidence::KIND_ANSWERED);
      seen.set_validity(evidence.answered().validity());
      break;
    case Evidence::kChosen:
      seen.set_kind(ProjectedEvidence::KIND_CHOSEN);
      seen.set_choice_id(evidence.chosen().choice_id());
      break;
    case Evidence::kFailed:
      seen.set_kind(ProjectedEvidence::KIND_FAILED);
      seen.set_code(evidence.failed().code());
      break;
    case Evidence::KIND_NOT_SET:
      break;
  }
  return seen;
}

// The card whose certificate was read last is the one that was proven.
bool ProvenByCard(const Record& record) {
  return LastPlace(record, Evidence::kCardProven) > LastPlace(record, Evidence::kCertificateRead);
}

// The staff looked at one card: no other may follow in its place.
bool ProvenByEyes(const Record& record, const Allowance& allowance) {
  if (!allowance.visual || !Has(record, Evidence::kVisualMatch)) return false;
  std::set<std::string> cards;
  for (const auto& entry : record.entry()) {
    if (entry.evidence().has_certificate_read()) {
      cards.insert(entry.evidence().certificate_read().certificate_sha256());
    }
  }
  return cards.size() <= 1;
}

bool Proven(const Record& record, const Allowance& allowance) {
  return ProvenByCard(record) || ProvenByEyes(record, allowance);
}

// A signature answers one challenge, which serves once.
bool ProofIsFresh(const Record& record) {
  for (int i = record.entry_size() - 1; i >= 0; --i) {
    if (record.entry(i).step().has_ask_authority()) {
      return LastPlace(record, Evidence::kCardProven) > i;
    }
  }
  return true;
}

// The form that check.proto gives the ids of choices and fields.
bool IsId(const std::string& id) {
  return !id.empty() && id.size() <= 32 &&
         id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
}

std::optional<std::string> WhyFormForbidden(const check::v1::PinForm& form) {
  if (form.shortest() >= 1 && form.shortest() <= form.longest() && form.longest() <= 16) return {};
  return "AskPin with a form that no PIN has";
}

// What a screen can show of one text, in bytes of one language.
constexpr size_t kLongestText = 1024;

bool IsShowable(const check::v1::Text& text) {
  return !text.ja().empty() && text.ja().size() <= kLongestText && !text.en().empty() &&
         text.en().size() <= kLongestText;
}

std::optional<std::string> WhyAskForbidden(const Step::Ask& ask) {
  if (!IsShowable(ask.text())) return "Ask without a text, or with one that no screen holds";
  if (ask.choices_size() < 1 || ask.choices_size() > 16 || ask.fields_size() > 16) {
    return "Ask with no choice, or more than a screen holds";
  }
  if (ask.role() != check::v1::ROLE_STAFF && ask.role() != check::v1::ROLE_PATIENT) {
    return "Ask of a role that does not look at checks";
  }
  std::set<std::string> ids;
  for (const auto& choice : ask.choices()) {
    if (!IsId(choice.id()) || !ids.insert(choice.id()).second) {
      return "Ask with a choice that has no id of its own";
    }
    if (!IsShowable(choice.label())) return "Ask with a choice that no screen can show";
  }
  ids.clear();
  for (const auto& field : ask.fields()) {
    if (!IsId(field.id()) || !ids.insert(field.id()).second) {
      return "Ask with a field that has no id of its own";
    }
    if (!IsShowable(field.label())) return "Ask with a field that no screen can show";
    if (field.longest() < 1 || field.longest() > 64 || field.shortest() > field.longest()) {
      return "Ask for a field of no possible length";
    }
  }
  return {};
}

FailureCode CodeOfEvidence(const Evidence& evidence) {
  using namespace check::v1;  // NOLINT: the codes.
  switch (evidence.kind_case()) {
    case Evidence::kPinRejected:
      return FAILURE_CODE_PIN_WRONG;
    case Evidence::kLastTry:
      return FAILURE_CODE_PIN_LAST_TRY_DECLINED;
    case Evidence::kPinBlocked:
      return FAILURE_CODE_PIN_BLOCKED;
    case Evidence::kFailed:
      return evidence.failed().code();
    default:
      // A policy that finishes before anything is decided.
      return FAILURE_CODE_POLICY_OVERSTEPPED;
  }
}

}  // namespace

policy::v1::NextRequest Project(const Record& record) {
  policy::v1::NextRequest request;
  for (const auto& entry : record.entry()) {
    if (entry.has_evidence()) *request.add_evidence() = Projected(entry.evidence());
  }
  return request;
}

std::optional<std::string> WhyForbidden(const Record& record, const Step& step,
                                        const Allowance& allowance) {
  const int read = LastPlace(record, Evidence::kCertificateRead);
  switch (step.kind_case()) {
    case Step::kAskPin:
      return WhyFormForbidden(step.ask_pin().form());
    case Step::kReadCertificate:
      return {};
    case Step::kProveCard: {
      if (read < 0) return "ProveCard before ReadCertificate";
      // A typed PIN serves for one VERIFY; what came after it shows whether it was used.
      const int typed =
          std::max(LastPlace(record, Evidence::kPinSealed), LastPlace(record, Evidence::kPinAtPad));
      const int used = std::max({LastPlace(record, Evidence::kPinRejected),
                                 LastPlace(record, Evidence::kPinBlocked),
                                 LastPlace(record, Evidence::kCardProven)});
      if (typed < 0 || used > typed) return "ProveCard without a PIN that was typed for it";
      if (LastPlace(record, Evidence::kLastTry) > LastPlace(record, Evidence::kLastTryAccepted)) {
        return "ProveCard on the last try, which nobody allowed";
      }
      return {};
    }
    case Step::kAskLastTry: {
      const Evidence* last = LastEvidence(record);
      if (last == nullptr || !last->has_last_try()) return "AskLastTry where it is not the last";
      return {};
    }
    case Step::kAskVisualMatch:
      if (!allowance.visual) return "AskVisualMatch where the clinic does not allow it";
      return {};
    case Step::kAskAuthority:
      if (read < 0) return "AskAuthority before ReadCertificate";
      if (!Proven(record, allowance)) return "AskAuthority for a patient who was not proven";
      if (!ProvenByEyes(record, allowance) && !ProofIsFresh(record)) {
        return "AskAuthority with a proof that was used";
      }
      return {};
    case Step::kAsk:
      return WhyAskForbidden(step.ask());
    case Step::KIND_NOT_SET:
      return "a step of no kind";
  }
  return "a step that this host does not know";
}

check::v1::Verdict DeriveVerdict(const Record& record, const Allowance& allowance) {
  using namespace check::v1;  // NOLINT: the codes.
  Verdict verdict;
  verdict.set_check_id(record.check_id());
  verdict.set_outcome(OUTCOME_CANNOT_TELL);
  const Evidence* last = LastEvidence(record);
  if (last == nullptr) {
    *verdict.mutable_failure() = Describe(FAILURE_CODE_POLICY_OVERSTEPPED, "no evidence at all");
    return verdict;
  }
  if (!last->has_answered()) {
    const FailureCode code = CodeOfEvidence(*last);
    *verdict.mutable_failure() = Describe(code, last->failed().detail());
    return verdict;
  }
  const Evidence::Answered& answer = last->answered();
  if (!Has(record, Evidence::kCertificateRead) || !Proven(record, allowance)) {
    *verdict.mutable_failure() =
        Describe(FAILURE_CODE_POLICY_OVERSTEPPED, "an answer without a proven patient");
    return verdict;
  }
  verdict.set_validity(answer.validity());
  const auto set = [&](Outcome outcome, FailureCode code) {
    verdict.set_outcome(outcome);
    *verdict.mutable_failure() = Describe(code);
  };
  switch (answer.validity()) {
    case VALIDITY_VALID:
    case VALIDITY_VALID_UNREGISTERED:
      verdict.set_outcome(OUTCOME_ELIGIBLE);
      break;
    case VALIDITY_INVALID:
      set(OUTCOME_NOT_ELIGIBLE, FAILURE_CODE_NOT_VALID);
      break;
    case VALIDITY_INVALID_REPLACED:
      set(OUTCOME_NOT_ELIGIBLE, FAILURE_CODE_REPLACED_BY_NEW);
      break;
    case VALIDITY_NONE:
      set(OUTCOME_NOT_ELIGIBLE, FAILURE_CODE_NO_QUALIFICATION);
      break;
    case VALIDITY_SEVERAL:
      set(OUTCOME_CANNOT_TELL, FAILURE_CODE_SEVERAL_QUALIFICATIONS);
      break;
    default:
      set(OUTCOME_CANNOT_TELL, FAILURE_CODE_AUTHORITY_ANSWER_INVALID);
      return verdict;
  }
  if (answer.has_eligibility()) *verdict.mutable_eligibility() = answer.eligibility();
  return verdict;
}

}  // namespace madoguchi
