#include "sdk/conformance/clinic.h"

#include <algorithm>
#include <set>

#include "sdk/conformance/policy_play.h"
#include "sdk/failure/plain_line.h"

namespace madoguchi::conformance {
namespace {

using check::v1::Step;
using Evidence = policy::v1::ProjectedEvidence;

constexpr int kTries = 3;  // of a fresh card
constexpr size_t kLongestShown = 1024;

// Places count from 1; 0 stands for "never".
size_t Last(const History& history, std::initializer_list<Evidence::Kind> kinds) {
  for (size_t at = history.size(); at > 0; --at) {
    for (const Evidence::Kind kind : kinds) {
      if (history[at - 1].evidence.kind() == kind) return at;
    }
  }
  return 0;
}

std::optional<Breach> Forbidden(const std::string& what) {
  return Breach{"policy.steps-allowed", what};
}

// Why a check that is about to ask the authority may not.
std::optional<Breach> WhyNotAsked(const History& history, bool visual) {
  const size_t read = Last(history, {Evidence::KIND_CERTIFICATE_READ});
  if (read == 0) return Forbidden("ASK_AUTHORITY before READ_CERTIFICATE");
  if (visual && Last(history, {Evidence::KIND_VISUAL_MATCH}) > 0) return {};
  const size_t proven = Last(history, {Evidence::KIND_CARD_PROVEN});
  if (proven < read) return Forbidden("ASK_AUTHORITY for a patient who was not proven");
  for (size_t at = proven; at < history.size(); ++at) {
    if (history[at].step.has_ask_authority()) {
      return Forbidden("ASK_AUTHORITY a second time with one proof");
    }
  }
  return {};
}

std::optional<Breach> WhyNotProven(const History& history) {
  if (Last(history, {Evidence::KIND_CERTIFICATE_READ}) == 0) {
    return Forbidden("PROVE_CARD before READ_CERTIFICATE");
  }
  const size_t typed = Last(history, {Evidence::KIND_PIN_SEALED, Evidence::KIND_PIN_AT_PAD});
  const size_t used = Last(history, {Evidence::KIND_PIN_REJECTED, Evidence::KIND_PIN_BLOCKED,
                                     Evidence::KIND_CARD_PROVEN});
  if (typed == 0 || used > typed) return Forbidden("PROVE_CARD without a PIN typed for it");
  if (Last(history, {Evidence::KIND_LAST_TRY}) >
      Last(history, {Evidence::KIND_LAST_TRY_ACCEPTED})) {
    return Forbidden("PROVE_CARD on the last try, which nobody allowed");
  }
  return {};
}

bool IsId(const std::string& id) {
  return !id.empty() && id.size() <= 32 &&
         id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
}

bool IsShowable(const check::v1::Text& text) {
  for (const std::string* one : {&text.ja(), &text.en()}) {
    if (one->empty() || one->size() > kLongestShown || PlainLine(*one, kLongestShown) != *one) {
      return false;
    }
  }
  return true;
}

std::optional<Breach> WhyNotDrawn(const Step::Ask& ask) {
  const auto breach = [](const std::string& what) {
    return std::optional<Breach>(Breach{"policy.ask-drawable", what});
  };
  const std::string no_text =
      " needs ja and en, each one plain line of 1 to 1024 bytes, without control characters";
  if (!IsShowable(ask.text())) return breach("ASK: its text" + no_text);
  if (ask.choices_size() < 1 || ask.choices_size() > 16) return breach("ASK needs 1 to 16 choices");
  if (ask.fields_size() > 16) return breach("ASK has at most 16 fields");
  if (ask.role() != check::v1::ROLE_STAFF && ask.role() != check::v1::ROLE_PATIENT) {
    return breach("ASK needs a role: the staff or the patient");
  }
  std::set<std::string> ids;
  for (const auto& choice : ask.choices()) {
    if (!IsId(choice.id()) || !ids.insert(choice.id()).second) {
      return breach("ASK: the choice \"" + choice.id() +
                    "\" needs an id of its own, 1 to 32 of a-z, "
                    "0-9 and _");
    }
    if (!IsShowable(choice.label())) {
      return breach("ASK: the label of the choice " + choice.id() + no_text);
    }
  }
  ids.clear();
  for (const auto& field : ask.fields()) {
    if (!IsId(field.id()) || !ids.insert(field.id()).second) {
      return breach("ASK: the field \"" + field.id() +
                    "\" needs an id of its own, 1 to 32 of a-z, "
                    "0-9 and _");
    }
    if (!IsShowable(field.label())) {
      return breach("ASK: the label of the field " + field.id() + no_text);
    }
    if (field.longest() < 1 || field.longest() > 64 || field.shortest() > field.longest()) {
      return breach("ASK: the field " + field.id() +
                    " takes shortest..longest characters, at most "
                    "64");
    }
  }
  return {};
}

// How many tries the card may have at this point; the count is known from its last rejection.
std::pair<int, int> TriesOf(const History& history) {
  const size_t read = Last(history, {Evidence::KIND_CERTIFICATE_READ});
  const size_t rejected = Last(history, {Evidence::KIND_PIN_REJECTED});
  const size_t last = Last(history, {Evidence::KIND_LAST_TRY});
  if (Last(history, {Evidence::KIND_PIN_BLOCKED}) > read) return {0, 0};
  if (last > read && last > rejected) return {1, 1};
  if (rejected > read) {
    const int left = static_cast<int>(history[rejected - 1].evidence.tries_left());
    return {left, left};
  }
  return {0, kTries};
}

class Answers {
 public:
  explicit Answers(bool few) : few_(few) {}
  void Add(Evidence::Kind kind) { evidence_.emplace_back().set_kind(kind); }
  void AddRejected(int tries_left) {
    Add(Evidence::KIND_PIN_REJECTED);
    evidence_.back().set_tries_left(static_cast<uint32_t>(tries_left));
  }
  // The first two stand for all.
  void AddFailures(std::initializer_list<check::v1::FailureCode> codes) {
    size_t left = few_ ? 2 : codes.size();
    for (const auto code : codes) {
      if (left-- == 0) break;
      Add(Evidence::KIND_FAILED);
      evidence_.back().set_code(code);
    }
  }
  std::vector<Evidence>& evidence() { return evidence_; }

 private:
  const bool few_;
  std::vector<Evidence> evidence_;
};

void AddProofs(const History& history, Answers& answers) {
  const auto [least, most] = TriesOf(history);
  const bool accepted =
      !history.empty() && history.back().evidence.kind() == Evidence::KIND_LAST_TRY_ACCEPTED;
  if (least == 0) answers.Add(Evidence::KIND_PIN_BLOCKED);
  if (most == 0) return;
  if (least <= 1 && !accepted) answers.Add(Evidence::KIND_LAST_TRY);
  if (most == 1 && !accepted) return;
  answers.Add(Evidence::KIND_CARD_PROVEN);
  if (most == 1) answers.Add(Evidence::KIND_PIN_BLOCKED);
  for (int tries = std::max(least, 2); tries <= most; ++tries) answers.AddRejected(tries - 1);
}

}  // namespace

policy::v1::NextRequest RequestOf(const History& history) {
  policy::v1::NextRequest request;
  for (const Happened& one : history) *request.add_evidence() = one.evidence;
  return request;
}

std::string LineOf(const History& history) {
  std::string line;
  for (const Happened& one : history) {
    policy::v1::NextReply reply;
    *reply.mutable_step() = one.step;
    line += (line.empty() ? "" : " ") + NameOf(reply) + " " + WordOf(one.evidence);
  }
  return line.empty() ? "the beginning" : line;
}

std::optional<Breach> WhyRefused(const History& history, const Step& step, bool visual) {
  switch (step.kind_case()) {
    case Step::kAskPin: {
      const auto& form = step.ask_pin().form();
      if (form.shortest() >= 1 && form.shortest() <= form.longest() && form.longest() <= 16)
        return {};
      return Breach{"policy.pin-form", "ASK_PIN for a PIN of " + std::to_string(form.shortest()) +
                                           " to " + std::to_string(form.longest()) + " characters"};
    }
    case Step::kReadCertificate:
      return {};
    case Step::kProveCard:
      return WhyNotProven(history);
    case Step::kAskLastTry:
      if (!history.empty() && history.back().evidence.kind() == Evidence::KIND_LAST_TRY) return {};
      return Forbidden("ASK_LAST_TRY where LAST_TRY did not come just before");
    case Step::kAskVisualMatch:
      if (visual) return {};
      return Forbidden("ASK_VISUAL_MATCH where the clinic does not allow it");
    case Step::kAskAuthority:
      return WhyNotAsked(history, visual);
    case Step::kAsk:
      return WhyNotDrawn(step.ask());
    case Step::KIND_NOT_SET:
      break;
  }
  return Breach{"policy.reply-not-empty", "a step of no kind that this host knows"};
}

std::vector<Evidence> AnswersTo(const History& history, const Step& step, bool few) {
  using namespace check::v1;  // NOLINT: the codes.
  Answers answers(few);
  switch (step.kind_case()) {
    case Step::kAskPin:
      answers.Add(Evidence::KIND_PIN_SEALED);
      answers.Add(Evidence::KIND_PIN_AT_PAD);
      answers.AddFailures({FAILURE_CODE_PIN_NOT_TYPED, FAILURE_CODE_PIN_BLOCKED,
                           FAILURE_CODE_READER_LOST, FAILURE_CODE_CERTIFICATE_EXPIRED,
                           FAILURE_CODE_CARD_SILENT});
      break;
    case Step::kReadCertificate:
      answers.Add(Evidence::KIND_CERTIFICATE_READ);
      answers.AddFailures({FAILURE_CODE_CARD_GONE, FAILURE_CODE_NO_CARD,
                           FAILURE_CODE_NOT_MY_NUMBER_CARD, FAILURE_CODE_CERTIFICATE_EXPIRED,
                           FAILURE_CODE_READER_LOST, FAILURE_CODE_READER_SERVICE_DOWN,
                           FAILURE_CODE_CARD_BUSY, FAILURE_CODE_CARD_LEFT_LYING});
      break;
    case Step::kProveCard:
      AddProofs(history, answers);
      answers.AddFailures({FAILURE_CODE_CARD_GONE, FAILURE_CODE_PIN_HELD_TOO_LONG,
                           FAILURE_CODE_AUTHORITY_UNREACHABLE, FAILURE_CODE_SIGNATURE_WRONG,
                           FAILURE_CODE_READER_LOST});
      break;
    case Step::kAskLastTry:
      answers.Add(Evidence::KIND_LAST_TRY_ACCEPTED);
      answers.AddFailures({FAILURE_CODE_PIN_LAST_TRY_DECLINED, FAILURE_CODE_PIN_HELD_TOO_LONG});
      break;
    case Step::kAskVisualMatch:
      answers.Add(Evidence::KIND_VISUAL_MATCH);
      answers.AddFailures(
          {FAILURE_CODE_VISUAL_MISMATCH, FAILURE_CODE_TIMED_OUT, FAILURE_CODE_CERTIFICATE_EXPIRED});
      break;
    case Step::kAskAuthority:
      for (int validity = VALIDITY_VALID; validity <= VALIDITY_VALID_UNREGISTERED; ++validity) {
        answers.Add(Evidence::KIND_ANSWERED);
        answers.evidence().back().set_validity(static_cast<Validity>(validity));
      }
      answers.AddFailures({FAILURE_CODE_AUTHORITY_UNREACHABLE, FAILURE_CODE_AUTHORITY_SLOW,
                           FAILURE_CODE_NOT_ENROLLED, FAILURE_CODE_CHALLENGE_SPENT});
      break;
    case Step::kAsk:
      for (const auto& choice : step.ask().choices()) {
        answers.Add(Evidence::KIND_CHOSEN);
        answers.evidence().back().set_choice_id(choice.id());
      }
      answers.AddFailures({FAILURE_CODE_TIMED_OUT});
      break;
    case Step::KIND_NOT_SET:
      break;
  }
  return std::move(answers.evidence());
}

std::vector<Evidence> NoAnswersTo(const Step& step) {
  Answers answers(true);
  if (step.kind_case() != Step::kAskAuthority) {
    answers.Add(Evidence::KIND_ANSWERED);
    answers.evidence().back().set_validity(check::v1::VALIDITY_VALID);
  }
  if (step.kind_case() != Step::kProveCard) answers.Add(Evidence::KIND_CARD_PROVEN);
  if (step.kind_case() != Step::kAskVisualMatch) answers.Add(Evidence::KIND_VISUAL_MATCH);
  if (step.kind_case() != Step::kReadCertificate) answers.Add(Evidence::KIND_CERTIFICATE_READ);
  return std::move(answers.evidence());
}

}  // namespace madoguchi::conformance
