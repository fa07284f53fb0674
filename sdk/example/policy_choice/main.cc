// The patient chooses: the PIN, or the photo that the staff compare.

#include "sdk/plugin/policy.h"

namespace {

using Evidence = madoguchi::policy::v1::ProjectedEvidence;
using madoguchi::check::v1::Step;
using madoguchi::policy::v1::NextReply;
using madoguchi::policy::v1::NextRequest;

Step Question() {
  Step step;
  Step::Ask& ask = *step.mutable_ask();
  ask.set_role(madoguchi::check::v1::ROLE_PATIENT);
  ask.mutable_text()->set_ja("どの方法で確認しますか。");
  ask.mutable_text()->set_en("How would you like to be identified?");
  const auto add = [&](const char* id, const char* ja, const char* en) {
    Step::Ask::Choice& choice = *ask.add_choices();
    choice.set_id(id);
    choice.mutable_label()->set_ja(ja);
    choice.mutable_label()->set_en(en);
  };
  add("pin", "暗証番号", "By my PIN");
  add("photo", "職員による顔写真の確認", "By my photo, which the staff compare");
  return step;
}

class ChoicePolicy final : public madoguchi::plugin::Policy {
 public:
  std::string name() const override { return "policy_choice"; }

  absl::Status Start(const madoguchi::plugin::Settings&) override { return absl::OkStatus(); }

  absl::StatusOr<NextReply> Next(const NextRequest& request) override {
    NextReply reply;
    Step& step = *reply.mutable_step();
    if (request.evidence().empty()) {
      step = Question();
      return reply;
    }
    const bool by_pin = request.evidence(0).choice_id() == "pin";
    bool read = false;
    for (const Evidence& one : request.evidence()) {
      read |= one.kind() == Evidence::KIND_CERTIFICATE_READ;
    }
    const Evidence& last = request.evidence(request.evidence_size() - 1);
    switch (last.kind()) {
      case Evidence::KIND_CHOSEN:
      case Evidence::KIND_PIN_REJECTED:
        if (by_pin) {
          auto& form = *step.mutable_ask_pin()->mutable_form();
          form.set_shortest(4);
          form.set_longest(4);
          form.set_digits(true);
        } else {
          step.mutable_ask_visual_match();
        }
        return reply;
      case Evidence::KIND_PIN_SEALED:
      case Evidence::KIND_PIN_AT_PAD:
      case Evidence::KIND_VISUAL_MATCH:
      case Evidence::KIND_LAST_TRY_ACCEPTED:
        if (read) {
          step.mutable_prove_card();
        } else {
          step.mutable_read_certificate();
        }
        return reply;
      case Evidence::KIND_CERTIFICATE_READ:
        if (by_pin) {
          step.mutable_prove_card();
        } else {
          step.mutable_ask_authority();
        }
        return reply;
      case Evidence::KIND_LAST_TRY:
        step.mutable_ask_last_try();
        return reply;
      case Evidence::KIND_CARD_PROVEN:
        step.mutable_ask_authority();
        return reply;
      case Evidence::KIND_ANSWERED:
      case Evidence::KIND_PIN_BLOCKED:
      case Evidence::KIND_FAILED:
        reply.mutable_finish();  // and no step: they exclude each other
        return reply;
      default:
        return absl::InvalidArgumentError("evidence that was never asked for");
    }
  }
};

}  // namespace

int main() {
  ChoicePolicy policy;
  return madoguchi::plugin::Serve(policy);
}
