// The patient chooses: the PIN, or the photo that the staff compare.

#include "sdk/plugin/policy.h"

namespace {

using Evidence = madoguchi::policy::v1::ProjectedEvidence;
using madoguchi::check::v1::Step;
using madoguchi::policy::v1::NextReply;

// Where a check can be, and what leads from one place to the next.
enum Place { kChoice, kPin, kPhoto, kRead, kSeen, kProof, kAgain, kLast, kAsk, kEnd, kNone };
constexpr struct {
  Place from;
  Evidence::Kind evidence;
  Place to;
} kWays[] = {
    {kPin, Evidence::KIND_PIN_SEALED, kRead},
    {kPin, Evidence::KIND_PIN_AT_PAD, kRead},
    {kRead, Evidence::KIND_CERTIFICATE_READ, kProof},
    {kProof, Evidence::KIND_CARD_PROVEN, kAsk},
    {kProof, Evidence::KIND_PIN_REJECTED, kAgain},
    {kProof, Evidence::KIND_LAST_TRY, kLast},
    {kProof, Evidence::KIND_PIN_BLOCKED, kEnd},
    {kAgain, Evidence::KIND_PIN_SEALED, kProof},
    {kAgain, Evidence::KIND_PIN_AT_PAD, kProof},
    {kLast, Evidence::KIND_LAST_TRY_ACCEPTED, kProof},
    {kPhoto, Evidence::KIND_VISUAL_MATCH, kSeen},
    {kSeen, Evidence::KIND_CERTIFICATE_READ, kAsk},
    {kAsk, Evidence::KIND_ANSWERED, kEnd},
};

// kNone when the evidence does not answer the step before it.
Place After(Place place, const Evidence& evidence) {
  if (evidence.kind() == Evidence::KIND_FAILED && place != kEnd) return kEnd;
  if (evidence.kind() == Evidence::KIND_CHOSEN && place == kChoice) {
    if (evidence.choice_id() == "pin") return kPin;
    if (evidence.choice_id() == "photo") return kPhoto;
  }
  for (const auto& way : kWays) {
    if (way.from == place && way.evidence == evidence.kind()) return way.to;
  }
  return kNone;
}

void AddChoice(Step::Ask& ask, const char* id, const char* ja, const char* en) {
  Step::Ask::Choice& choice = *ask.add_choices();
  choice.set_id(id);
  choice.mutable_label()->set_ja(ja);
  choice.mutable_label()->set_en(en);
}

NextReply ReplyAt(Place place) {
  NextReply reply;
  Step& step = *reply.mutable_step();
  if (place == kChoice) {
    Step::Ask& ask = *step.mutable_ask();
    ask.set_role(madoguchi::check::v1::ROLE_PATIENT);
    ask.mutable_text()->set_ja("どの方法で確認しますか。");
    ask.mutable_text()->set_en("How would you like to be identified?");
    AddChoice(ask, "pin", "暗証番号", "By my PIN");
    AddChoice(ask, "photo", "職員による顔写真の確認", "By my photo, which the staff compare");
  } else if (place == kPin || place == kAgain) {
    auto& form = *step.mutable_ask_pin()->mutable_form();
    form.set_shortest(4);
    form.set_longest(4);
    form.set_digits(true);
  }
  if (place == kPhoto) step.mutable_ask_visual_match();
  if (place == kRead || place == kSeen) step.mutable_read_certificate();
  if (place == kProof) step.mutable_prove_card();
  if (place == kLast) step.mutable_ask_last_try();
  if (place == kAsk) step.mutable_ask_authority();
  if (place == kEnd) reply.mutable_finish();  // instead of a step
  return reply;
}

class ChoicePolicy final : public madoguchi::plugin::Policy {
 public:
  std::string name() const override { return "policy_choice"; }
  absl::Status Start(const madoguchi::plugin::Settings&) override { return absl::OkStatus(); }
  absl::StatusOr<NextReply> Next(const madoguchi::policy::v1::NextRequest& request) override {
    Place place = kChoice;
    for (const Evidence& evidence : request.evidence()) {
      place = After(place, evidence);
      if (place == kNone) return absl::InvalidArgumentError("evidence that was not asked for");
    }
    return ReplyAt(place);
  }
};

}  // namespace

int main() {
  ChoicePolicy policy;
  return madoguchi::plugin::Serve(policy);
}
