// A whole check, where nothing is spent by it; and what holds for all that a desk has said.
#include <algorithm>
#include <set>

#include "sdk/conformance/desk_examination.h"
#include "sdk/failure/failure.h"

namespace madoguchi::conformance {

using namespace check::v1;  // NOLINT: roles and codes.
using namespace desk::v1;   // NOLINT: stages and replies.
using grpc::StatusCode;

namespace {

constexpr std::chrono::seconds kWholeCheck(60);

}  // namespace

void DeskExamination::LookAtTheAnswer() {
  if (WhyNoCheck().empty()) BeginByPin();
  const std::string needs = WhyNoPrompt();
  Check("desk.prompt-anew", "PinPrompt: The key is of this prompt alone.", needs, [&] {
    const PinPrompt &first = first_prompt_.pin_prompt(), &second = prompt_.pin_prompt();
    return first.public_key() != second.public_key() && first.prompt_id() != second.prompt_id() &&
                   first_prompt_.check_id() != prompt_.check_id()
               ? Passed()
               : Failed("two checks have one prompt", "make a key for each prompt");
  });

  const std::string played =
      !needs.empty() ? needs
      : played_      ? ""
                     : "a PIN would be spent; `madoguchid --play eligible-pin` shows it";
  Reply pin = To(prompt_);
  std::optional<View> done;
  Check("desk.answered", "REPLY_STALE: another check, or another question", played, [&] {
    *pin.mutable_pin() = Sealed(prompt_, std::max(prompt_.pin_prompt().form().shortest(), 1u));
    const CallEnd end = Send(pin, ROLE_PATIENT);
    if (!end.ok()) return Failed("a PIN of the form: " + end.Text(), "take it");
    const CallEnd again = Send(pin, ROLE_PATIENT);
    const auto over = staff_->Await(
        [&](const View& view) {
          const bool asked_anew = view.question() != 0 && view.question() != prompt_.question();
          return view.stage() == STAGE_DONE || asked_anew;
        },
        kWholeCheck);
    if (over && over->stage() == STAGE_DONE) done = over;
    return Refused(again, StatusCode::FAILED_PRECONDITION, FAILURE_CODE_REPLY_STALE);
  });
  const std::string eligible =
      !played.empty() ? played
      : !done         ? "the played check asks more; play eligible-pin"
      : !done->verdict().has_eligibility()
          ? "the played check ended without an eligibility; play eligible-pin"
          : "";
  Check("desk.eligibility-of-staff",
        "View.verdict: STAGE_DONE. Without eligibility for the patient's screen.", eligible, [&] {
          const auto seen =
              patient_->Await([](const View& view) { return view.stage() == STAGE_DONE; });
          if (!seen || !seen->has_verdict()) {
            return Failed("the patient's screen has no verdict", "show that it is done");
          }
          for (const View& view : patient_->views()) {
            if (view.verdict().has_eligibility()) {
              return Failed("the patient's screen is sent the eligibility",
                            "leave it out: whoever stands there may read it");
            }
          }
          return Passed();
        });
  Check("desk.take-away", "CARD_PLACE_TAKE_AWAY: the check is over and the card still lies there",
        eligible, [&] {
          for (const View& view : staff_->views()) {
            if (view.check_id() == prompt_.check_id() && view.card() == CARD_PLACE_TAKE_AWAY) {
              return Passed();
            }
          }
          return Failed("nobody is told to take the card", "say it until the card is gone");
        });
  ClearCounter();
}

void DeskExamination::LookBack() {
  const std::string needs = WhyNoCheck();
  Check("desk.revision", "View.revision: grows with every change of this counter", needs, [&] {
    for (const auto* screen : {staff_.get(), patient_.get()}) {
      uint64_t last = 0;
      for (const View& view : screen->views()) {
        if (view.revision() <= last) {
          return Failed(
              "revision " + std::to_string(view.revision()) + " follows " + std::to_string(last),
              "count it up with each change");
        }
        last = view.revision();
      }
    }
    return Passed(std::to_string(staff_->views().size() + patient_->views().size()) + " views");
  });
  Check("desk.roles-apart",
        "desk.proto: Several screens look at one check, each with the view of its role.", needs,
        [&] {
          const std::set<int> of_patient = {REPLY_KIND_PIN, REPLY_KIND_LAST_TRY, REPLY_KIND_ANSWER,
                                            REPLY_KIND_CANCEL};
          for (const View& view : patient_->views()) {
            for (const int kind : view.allowed()) {
              if (of_patient.count(kind) == 0) {
                return Failed(
                    "the patient is allowed " + ReplyKind_Name(static_cast<ReplyKind>(kind)),
                    "it is the staff's");
              }
            }
          }
          return Passed();
        });
  Check("desk.which-card",
        "STAGE_ASK_WHICH_CARD: the readers (\"plugin/name\") with a card that may be meant.", needs,
        [&] {
          int asked = 0;
          for (const View& view : staff_->views()) {
            const std::set<std::string> cards(view.card_at().begin(), view.card_at().end());
            const bool asks = Allows(view, REPLY_KIND_WHICH_CARD);
            asked += asks;
            if (asks && (view.stage() != STAGE_ASK_WHICH_CARD || cards.size() < 2)) {
              return Failed(
                  "the staff are asked which of " + std::to_string(cards.size()) + " cards it is",
                  "ask where there are two or more, and name their readers");
            }
          }
          return Passed(asked == 0 ? "nobody asked" : "");
        });
  Check("desk.failures", "Desk: Every failure carries a check.v1.Failure in its status details.",
        needs, [&] {
          for (const CallEnd& end : refused_) {
            if (!end.has_failure) return Failed(end.Text(), "put the Failure into the details");
          }
          return Passed(std::to_string(refused_.size()) + " refusals");
        });
  Check("desk.failure-texts",
        "Failure: May be empty on the wire between processes; the host fills it in before a "
        "screen sees it.",
        needs, [&] {
          for (const CallEnd& end : refused_) {
            const Failure& failure = end.failure;
            if (failure.happened().ja().empty() || failure.happened().en().empty() ||
                failure.advice().ja().empty() || failure.advice().en().empty()) {
              return Failed(NameOf(failure.code()) + " is without words for a person",
                            "fill in what happened and what to do, in both languages");
            }
          }
          return Passed();
        });
}

}  // namespace madoguchi::conformance
