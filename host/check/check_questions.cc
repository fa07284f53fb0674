// The steps that ask somebody something.
#include <algorithm>
#include <utility>

#include "host/check/check.h"
#include "sdk/failure/failure.h"

namespace madoguchi {

using check::v1::Evidence;
using namespace check::v1;  // NOLINT: the codes.

namespace {

// In characters: the bytes of UTF-8 that begin one.
size_t LengthOf(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
  }));
}

absl::Status FieldsFit(const Step::Ask& ask, const desk::v1::Answer& answer) {
  bool known = false;
  for (const auto& choice : ask.choices()) known = known || choice.id() == answer.choice_id();
  if (!known) return FailureStatus(FAILURE_CODE_REQUEST_INVALID, "no such choice");
  for (const auto& field : ask.fields()) {
    const auto found = answer.field().find(field.id());
    const std::string value = found == answer.field().end() ? "" : found->second;
    const size_t length = LengthOf(value);
    if (length < field.shortest() || length > field.longest()) {
      return FailureStatus(FAILURE_CODE_REQUEST_INVALID, "field " + field.id() + ": length");
    }
    if (field.digits() && value.find_first_not_of("0123456789") != std::string::npos) {
      return FailureStatus(FAILURE_CODE_REQUEST_INVALID, "field " + field.id() + ": digits only");
    }
  }
  return absl::OkStatus();
}

absl::Status TakeAny(const desk::v1::Reply&) { return absl::OkStatus(); }

}  // namespace

bool Check::IsForPad(const PinForm& form) const {
  if (!form.digits()) return false;  // A pad has no letters.
  if (hand_) return hand_->seen.pin_pad;
  if (certificate_) return certificate_seen_.pin_pad;
  return world_.readers->OnlyPads(subject_.places);
}

Evidence Check::MeantForPad(const PinForm& form) {
  const auto patience = std::chrono::ceil<std::chrono::seconds>(world_.limits.pad);
  pin_.reset();
  pad_form_ = PadForm{form.shortest(), form.longest(),
                      std::clamp(patience, std::chrono::seconds(1), std::chrono::seconds(255))};
  Evidence evidence;
  evidence.mutable_pin_at_pad();
  return evidence;
}

Evidence Check::AskPin(const Step::AskPin& step) {
  wants_tries_ = true;
  scene_.pin_rejected = record_.entry_size() >= 2 &&
                        record_.entry(record_.entry_size() - 2).evidence().has_pin_rejected();
  if (IsForPad(step.form())) return MeantForPad(step.form());
  auto made = PromptKey::Make();
  if (!made.ok()) return Failed(made.status(), FAILURE_CODE_PIN_SEAL_INVALID);
  const std::shared_ptr<PromptKey> key = *std::move(made);
  desk::v1::PinPrompt prompt;
  prompt.set_prompt_id(key->prompt_id());
  prompt.set_public_key(key->public_key());
  *prompt.mutable_form() = step.form();
  auto signature = world_.signer->Sign(PromptText(prompt, subject_.check_id));
  if (!signature.ok()) return Failed(signature.status(), FAILURE_CODE_PIN_SEAL_INVALID);
  prompt.set_signature(*std::move(signature));

  scene_.stage = desk::v1::STAGE_ASK_PIN;
  scene_.pin_prompt = prompt;
  // The form is looked at as soon as the PIN comes, so that a slip of the finger is told at once
  // and costs no try. The PIN is wiped again and stays sealed until the VERIFY.
  const auto form_fits = [key, check_id = subject_.check_id,
                          form = step.form()](const desk::v1::Reply& reply) -> absl::Status {
    const auto pin = key->Open(reply.pin(), check_id);
    if (!pin.ok()) {
      // A status of its own would reach the screen as a host that cannot be reached.
      if (CodeOf(pin.status()) != FAILURE_CODE_UNSPECIFIED) return pin.status();
      return FailureStatus(FAILURE_CODE_PIN_SEAL_INVALID, std::string(pin.status().message()));
    }
    if (!HasForm(*pin, form)) return FailureStatus(FAILURE_CODE_PIN_FORM);
    return absl::OkStatus();
  };
  desk::v1::Reply reply;
  const auto other = AwaitReply(form_fits, std::chrono::steady_clock::now() + world_.limits.typing,
                                FAILURE_CODE_PIN_NOT_TYPED, /*read_ahead=*/true, &reply,
                                [&]() -> std::optional<Evidence> {
                                  if (!IsForPad(step.form())) return {};
                                  return MeantForPad(step.form());
                                });
  scene_.pin_prompt.reset();
  scene_.pin_rejected = false;
  if (other) return *other;
  pad_form_.reset();
  pin_ = HeldPin{key, reply.pin(), std::chrono::steady_clock::now() + world_.limits.pin_held};
  MeanCardInHand();
  Evidence evidence;
  evidence.mutable_pin_sealed();
  return evidence;
}

Evidence Check::AskLastTry() {
  scene_.stage = desk::v1::STAGE_ASK_LAST_TRY;
  const auto now = std::chrono::steady_clock::now();
  const auto until = pin_ ? pin_->until : pad_form_ ? now + world_.limits.question : now;
  desk::v1::Reply reply;
  if (auto other = AwaitReply(TakeAny, until, FAILURE_CODE_PIN_HELD_TOO_LONG,
                              /*read_ahead=*/false, &reply)) {
    pin_.reset();
    pad_form_.reset();
    return *other;
  }
  if (!reply.last_try().go_on()) {
    pin_.reset();
    pad_form_.reset();
    return Failed(FAILURE_CODE_PIN_LAST_TRY_DECLINED);
  }
  Evidence evidence;
  evidence.mutable_last_try_accepted();
  return evidence;
}

Evidence Check::AskVisualMatch() {
  scene_.stage = desk::v1::STAGE_ASK_VISUAL_MATCH;
  desk::v1::Reply reply;
  if (auto other = AwaitReply(TakeAny, std::chrono::steady_clock::now() + world_.limits.question,
                              FAILURE_CODE_TIMED_OUT, /*read_ahead=*/true, &reply)) {
    return *other;
  }
  if (!reply.visual_match().matches()) return Failed(FAILURE_CODE_VISUAL_MISMATCH);
  MeanCardInHand();
  Evidence evidence;
  evidence.mutable_visual_match();
  return evidence;
}

Evidence Check::AskAnything(const Step::Ask& step) {
  scene_.stage = desk::v1::STAGE_ASK;
  scene_.ask = step;
  const auto fits = [step](const desk::v1::Reply& reply) {
    return FieldsFit(step, reply.answer());
  };
  desk::v1::Reply reply;
  if (auto other = AwaitReply(fits, std::chrono::steady_clock::now() + world_.limits.question,
                              FAILURE_CODE_TIMED_OUT, /*read_ahead=*/false, &reply)) {
    return *other;
  }
  Evidence evidence;
  evidence.mutable_chosen()->set_choice_id(reply.answer().choice_id());
  return evidence;
}

std::optional<Evidence> Check::AwaitReply(
    Screens::Acceptor acceptor, Time until, FailureCode when_late, bool read_ahead,
    desk::v1::Reply* reply, const std::function<std::optional<Evidence>()>& when_read) {
  screens_.Ask(scene_, acceptor);
  while (true) {
    // What was read dies with its card.
    if (hand_ && !StillThere(hand_->seen)) {
      (void)GoesOnElsewhere(WhyGone(hand_->seen).code(), hand_->seen.place());
      DropCard();
      scene_.tries_left.reset();
      screens_.Ask(scene_, acceptor);
    }
    const bool wants_card = read_ahead && !hand_ && !certificate_;
    if (wants_card) world_.readers->AwaitCard(subject_.check_id);
    if (const auto seen = wants_card ? CardToTake(Cards()) : std::nullopt; seen && seen->powered) {
      if (const absl::Status read = ReadAhead(*seen, wants_tries_); !read.ok()) {
        DropCard();
        if (!GoesOnElsewhere(CodeOf(read), seen->place())) {
          return Failed(read, FAILURE_CODE_READER_LOST);
        }
        screens_.Ask(scene_, acceptor);
        continue;  // A card may have come at another reader meanwhile.
      }
      // No PIN can help this card; why should the patient type one.
      if (scene_.tries_left == 0) return Failed(FAILURE_CODE_PIN_BLOCKED);
      if (hand_ && when_read) {
        if (auto evidence = when_read()) return evidence;
      }
      if (hand_) screens_.Ask(scene_, acceptor);
    }
    // A PIN that was typed before this question is wiped when its time is over.
    const Time now = std::chrono::steady_clock::now();
    if (pin_ && now >= pin_->until) pin_.reset();
    const Time wait_until = pin_ ? std::min(until, pin_->until) : until;
    switch (screens_.Await(wait_until, reply)) {
      case Screens::Wake::kReply:
        return {};
      case Screens::Wake::kCancelled:
        return Failed(FAILURE_CODE_CANCELLED);
      case Screens::Wake::kTimeout:
        if (wait_until == until) return Failed(when_late);
        break;
      case Screens::Wake::kReaders:
        break;
    }
  }
}

}  // namespace madoguchi
