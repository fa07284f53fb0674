// A check that stands at its PIN prompt and is cancelled: what is shown to whom, and what is
// refused. No PIN of the form that is asked for is sent.
#include <google/protobuf/util/message_differencer.h>

#include "sdk/conformance/desk_examination.h"
#include "sdk/secret/seal.h"

namespace madoguchi::conformance {

using namespace check::v1;  // NOLINT: roles and codes.
using namespace desk::v1;   // NOLINT: stages and replies.
using google::protobuf::util::MessageDifferencer;
using grpc::StatusCode;

void DeskExamination::LookAtTheQuestion() {
  if (WhyNoCheck().empty()) BeginByPin();
  first_prompt_ = prompt_;
  const std::string needs = WhyNoPrompt();

  Check("desk.check-id",
        "SendReply.check_id: of the check that Begin began, or that was replied to", needs, [&] {
          const std::string& id = prompt_.check_id();
          const bool form =
              id.size() == 32 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
          return form ? Passed() : Failed("the id is \"" + id + "\"", "32 lower-case hex digits");
        });
  Check("desk.busy", "COUNTER_BUSY: Begin while a check runs", needs, [&] {
    Reply reply;
    reply.mutable_begin()->set_method(pin_method_);
    return Refused(Send(reply, ROLE_STAFF), StatusCode::FAILED_PRECONDITION,
                   FAILURE_CODE_COUNTER_BUSY);
  });
  Check("desk.prompt-of-patient", "View.pin_prompt: where PIN is allowed", needs, [&] {
    const PinPrompt& prompt = prompt_.pin_prompt();
    if (prompt.prompt_id().size() != 16 || prompt.public_key().size() != 65 ||
        prompt.form().shortest() < 1 || prompt.form().longest() < prompt.form().shortest() ||
        prompt.form().longest() > 16) {
      return Failed("a prompt that no PIN can be sealed to", "fill all of PinPrompt");
    }
    const auto staff = Fresh(ROLE_STAFF);
    if (staff && (staff->has_pin_prompt() || Allows(*staff, REPLY_KIND_PIN))) {
      return Failed("the staff's screen has the prompt too", "show it to the patient alone");
    }
    return Passed();
  });
  Check("desk.prompt-signed",
        "PinPrompt.signature: ECDSA P-256 with SHA-256, DER, by the host key that native screens "
        "pinned, over \"madoguchi prompt v1\" || check id || prompt_id || public_key.",
        needs, [&] {
          return IsPromptOf(host_.host_public_key(), prompt_.pin_prompt(), prompt_.check_id())
                     ? Passed()
                     : Failed("the signature is not by the key of GetHost", "sign each prompt");
        });
  Check("desk.stale-check", "REPLY_STALE: another check, or another question", needs, [&] {
    Reply reply = To(prompt_);
    reply.set_check_id(std::string(32, '0'));
    *reply.mutable_pin() = Sealed(prompt_, 1);
    return Refused(Send(reply, ROLE_PATIENT), StatusCode::FAILED_PRECONDITION,
                   FAILURE_CODE_REPLY_STALE);
  });
  Check("desk.stale-question",
        "View.question: Names the question that is open. A reply carries it back, so that an "
        "answer to an earlier question is refused instead of being taken for this one.",
        needs, [&] {
          Reply reply = To(prompt_);
          reply.set_question(prompt_.question() + 1000);
          // Of a length that no form has, so that it costs no try should it be taken.
          *reply.mutable_pin() = Sealed(prompt_, 16);
          return Refused(Send(reply, ROLE_PATIENT), StatusCode::FAILED_PRECONDITION,
                         FAILURE_CODE_REPLY_STALE);
        });
  Check("desk.other-kind", "desk.proto: A View is the whole screen, with the replies it allows",
        needs, [&] {
          Reply reply = To(prompt_);
          reply.mutable_close();
          return Refused(Send(reply, ROLE_STAFF), StatusCode::FAILED_PRECONDITION,
                         FAILURE_CODE_REPLY_STALE);
        });
  Check("desk.pin-role", "ROLE_FORBIDDEN: this question is for another role", needs, [&] {
    Reply reply = To(prompt_);
    *reply.mutable_pin() = Sealed(prompt_, 16);
    return Refused(Send(reply, ROLE_STAFF), StatusCode::PERMISSION_DENIED,
                   FAILURE_CODE_ROLE_FORBIDDEN);
  });
  // After a slip the same question is open.
  const auto open = [&](const Finding& finding) {
    if (finding.outcome != Outcome::kPassed) return finding;
    const auto now = Fresh(ROLE_PATIENT);
    return now && now->question() == prompt_.question() && Allows(*now, REPLY_KIND_PIN)
               ? Passed()
               : Failed("the question is not open any more", "let the patient type again");
  };
  Check("desk.pin-seal", "PIN_FORM, PIN_SEAL_INVALID: no try was spent; type again", needs, [&] {
    Reply reply = To(prompt_);
    reply.mutable_pin()->set_prompt_id(prompt_.pin_prompt().prompt_id());
    reply.mutable_pin()->set_ephemeral_public_key(std::string(65, '\4'));
    reply.mutable_pin()->set_ciphertext(std::string(33, '\0'));
    return open(Refused(Send(reply, ROLE_PATIENT), StatusCode::INVALID_ARGUMENT,
                        FAILURE_CODE_PIN_SEAL_INVALID));
  });
  Check("desk.pin-form", "PIN_FORM, PIN_SEAL_INVALID: no try was spent; type again", needs, [&] {
    const PinForm& form = prompt_.pin_prompt().form();
    const size_t other = form.shortest() > 1 ? form.shortest() - 1 : form.longest() + 1;
    if (other > 16) return Skipped("every PIN has the form");
    Reply reply = To(prompt_);
    *reply.mutable_pin() = Sealed(prompt_, other);
    return open(
        Refused(Send(reply, ROLE_PATIENT), StatusCode::INVALID_ARGUMENT, FAILURE_CODE_PIN_FORM));
  });
  // Both ask for the same View twice; what a reader tells may come in between.
  const auto same = [&](const DeskScreen& old_screen, Role role) {
    for (int look = 0; look < 10; ++look) {
      const auto fresh = Fresh(role);
      const auto views = old_screen.views();
      if (!fresh || views.empty()) return false;
      View old_view = views.back();
      // Of the number another row knows.
      old_view.set_revision(fresh->revision());
      if (MessageDifferencer::Equals(*fresh, old_view)) return true;
      const_cast<DeskScreen&>(old_screen)
          .Await([](const View&) { return false; }, std::chrono::milliseconds(100));
    }
    return false;
  };
  Check("desk.reconnect",
        "desk.proto: A View is the whole screen, with the replies it allows; a screen holds no "
        "state and may drop and come back at any time.",
        needs, [&] {
          if (same(*patient_, ROLE_PATIENT) && same(*staff_, ROLE_STAFF)) return Passed();
          return Failed("who comes back sees another View than who stayed",
                        "let a View depend on the counter and the role alone");
        });
  Check(
      "desk.several-screens",
      "desk.proto: Several screens look at one check, each with the view of its role.", needs, [&] {
        DeskScreen staff(desk_.channels.at(ROLE_STAFF), counter_, ROLE_STAFF);
        DeskScreen patient(desk_.channels.at(ROLE_PATIENT), counter_, ROLE_PATIENT);
        for (DeskScreen* screen : {&staff, &patient}) {
          const auto view =
              screen->Await([&](const View& now) { return now.check_id() == prompt_.check_id(); });
          const Role role = screen == &staff ? ROLE_STAFF : ROLE_PATIENT;
          if (!view || view->role() != role) {
            return Failed("a second screen does not see the check", "show it to each");
          }
        }
        return Passed();
      });
  Check("desk.cancel", "STAGE_DONE: the verdict stands; Close is allowed", needs, [&] {
    Reply cancel = To(prompt_);
    cancel.mutable_cancel();
    const CallEnd end = Send(cancel, ROLE_PATIENT);
    if (!end.ok()) return Failed("Cancel: " + end.Text(), "both roles may cancel a check");
    const auto done = staff_->Await([](const View& view) { return view.stage() == STAGE_DONE; });
    if (!done) return Failed("the check goes on", "end it where it stands");
    if (done->verdict().failure().code() != FAILURE_CODE_CANCELLED) {
      return Failed("it ended with another code", "CANNOT_TELL, CANCELLED");
    }
    return Allows(*done, REPLY_KIND_CLOSE) ? Passed() : Failed("Close is not allowed", "allow it");
  });
  at_prompt_ = false;
  Check("desk.close", "View.check_id: empty in STAGE_IDLE", needs, [&] {
    const auto done = staff_->Await([](const View& view) { return view.stage() == STAGE_DONE; });
    if (!done) return Skipped("the check did not end");
    Reply close = To(*done);
    close.mutable_close();
    const CallEnd end = Send(close, ROLE_STAFF);
    if (!end.ok()) return Failed("Close: " + end.Text(), "take it");
    const auto idle = staff_->Await([](const View& view) { return view.stage() == STAGE_IDLE; });
    if (!idle) return Failed("the verdict still stands", "let the counter be idle");
    return idle->check_id().empty() && !idle->has_verdict()
               ? Passed()
               : Failed("something of the check is still shown", "show nothing of it");
  });
  Check("desk.stale-closed", "REPLY_STALE: another check, or another question", needs, [&] {
    Reply reply = To(prompt_);
    *reply.mutable_pin() = Sealed(prompt_, 1);
    return Refused(Send(reply, ROLE_PATIENT), StatusCode::FAILED_PRECONDITION,
                   FAILURE_CODE_REPLY_STALE);
  });
  ClearCounter();
}

}  // namespace madoguchi::conformance
