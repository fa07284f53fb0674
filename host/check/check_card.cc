// The steps that need the card.
#include <algorithm>
#include <utility>

#include "host/check/authority_probe.h"
#include "host/check/card_look.h"
#include "host/check/check.h"
#include "sdk/failure/failure.h"
#include "sdk/proof/proof.h"

namespace madoguchi {

using check::v1::Evidence;
using namespace check::v1;  // NOLINT: the codes.
using std::chrono::steady_clock;

absl::Status Check::Open(const CardSeen& seen, Jpki::Ahead ahead) {
  DropCard();
  // The card of a moment ago may be this one: its reset comes before anything new.
  if (closing_.valid()) closing_.get();
  // Somebody may be looking at it; since it was taken, that look is ending and no other begins.
  world_.readers->AwaitLookEnd(seen.arrival, cancelled_);
  auto session = world_.reader_port->Open(seen, Within(world_.limits.apdu));
  if (!session.ok()) return session.status();
  auto jpki = Jpki::Select(*std::move(session), ahead);
  if (!jpki.ok()) {
    if (CodeOf(jpki.status()) == FAILURE_CODE_NOT_MY_NUMBER_CARD) {
      world_.readers->Recognise(seen.arrival, desk::v1::CARD_KIND_OTHER);
    }
    return jpki.status();
  }
  hand_.emplace();
  hand_->seen = seen;
  hand_->jpki.emplace(*std::move(jpki));
  scene_.reader = seen.place();
  return absl::OkStatus();
}

absl::Status Check::ReadIntoHand() {
  const auto der = hand_->jpki->ReadAuthenticationCertificate();
  if (der.ok() || CodeOf(der.status()) == FAILURE_CODE_PHONE_NOT_READABLE) {
    world_.readers->Recognise(hand_->seen.arrival, KindOf(hand_->jpki->credential()));
  }
  if (!der.ok()) return der.status();
  auto certificate = Certificate::Parse(*der);
  if (!certificate.ok()) return certificate.status();
  const absl::Status believed =
      world_.anchors->Check(*certificate, std::chrono::system_clock::now());
  if (!believed.ok()) return believed;
  hand_->certificate = *std::move(certificate);
  return absl::OkStatus();
}

absl::Status Check::ReadAhead(const CardSeen& seen, bool with_tries) {
  const auto ahead = with_tries ? Jpki::Ahead::kCertificateAndTries : Jpki::Ahead::kCertificate;
  if (absl::Status opened = Open(seen, ahead); !opened.ok()) {
    // It bounced on the reader: whoever laid it down will lay it down again. The reader may not
    // have told of it yet; the card is looked at again when it does.
    return CodeOf(opened) == FAILURE_CODE_CARD_GONE ? absl::OkStatus() : opened;
  }
  if (with_tries) AskForChallenge();
  if (absl::Status read = ReadIntoHand(); !read.ok()) return read;
  if (with_tries) {
    const auto tries = hand_->jpki->TriesLeft();
    if (!tries.ok()) return tries.status();
    hand_->tries_left = *tries;
    scene_.tries_left = *tries;
  }
  return absl::OkStatus();
}

// The reset of the card goes on beside what comes next, also beside the verdict; Open and the
// check's destructor wait for it.
void Check::DropCard() {
  if (!hand_) return;
  if (closing_.valid()) closing_.get();
  // Reset by the function itself: what it merely holds would live as long as closing_ does.
  closing_ = std::async(
      std::launch::async,
      [closed = std::make_unique<CardInHand>(*std::move(hand_))]() mutable { closed.reset(); });
  hand_.reset();
}

absl::Status Check::TakeAndRead() {
  if (!hand_) {
    const auto seen = AwaitCard();
    if (!seen.ok()) {
      pin_.reset();
      return seen.status();
    }
    scene_.stage = desk::v1::STAGE_READING;
    scene_.reader = seen->place();
    scene_.other_card_lies_there = false;
    screens_.Show(scene_);
    const auto ahead = wants_tries_ ? Jpki::Ahead::kCertificateAndTries : Jpki::Ahead::kCertificate;
    if (const absl::Status opened = Open(*seen, ahead); !opened.ok()) return opened;
  }
  if (!hand_->certificate) {
    if (const absl::Status read = ReadIntoHand(); !read.ok()) return read;
  }
  if (!meant_.empty() && hand_->certificate->sha256() != meant_) {
    // Whatever the policy asks for next, this PIN is not for that card.
    pin_.reset();
    pad_form_.reset();
    return FailureStatus(FAILURE_CODE_CARD_GONE, "another card was laid down");
  }
  return absl::OkStatus();
}

void Check::MeanCardInHand() {
  if (hand_ && hand_->certificate) meant_ = hand_->certificate->sha256();
}

Evidence Check::ReadCertificate() {
  if (hand_ && !StillThere(hand_->seen)) {
    (void)GoesOnElsewhere(WhyGone(hand_->seen).code(), hand_->seen.place());
    DropCard();
    scene_.tries_left.reset();
  }
  while (true) {
    const absl::Status read = TakeAndRead();
    if (read.ok()) break;
    DropCard();
    if (!GoesOnElsewhere(CodeOf(read), scene_.reader))
      return Failed(read, FAILURE_CODE_READER_LOST);
  }
  certificate_ = hand_->certificate;
  certificate_seen_ = hand_->seen;
  MeanCardInHand();
  proof_.reset();
  Evidence evidence;
  auto* const certificate_read = evidence.mutable_certificate_read();
  certificate_read->set_certificate_sha256(certificate_->sha256());
  certificate_read->set_credential(hand_->jpki->credential());
  return evidence;
}

std::optional<Evidence> Check::TakeInHand() {
  // After a rejected PIN the session is over and the same card, not moved since, is opened again.
  if (!StillThere(certificate_seen_)) {
    const Failure gone = WhyGone(certificate_seen_);
    return Failed(gone.code(), gone.detail());
  }
  if (!hand_ || hand_->seen.arrival != certificate_seen_.arrival) {
    if (const absl::Status opened = Open(certificate_seen_, Jpki::Ahead::kNothing); !opened.ok()) {
      return Failed(opened, FAILURE_CODE_READER_LOST);
    }
  }
  return KnowTries();
}

std::optional<Evidence> Check::KnowTries() {
  if (hand_->tries_left) return {};
  const auto tries = hand_->jpki->TriesLeft();
  if (!tries.ok()) return Failed(tries.status(), FAILURE_CODE_READER_LOST);
  hand_->tries_left = *tries;
  scene_.tries_left = *tries;
  return {};
}

std::optional<Evidence> Check::FindAgain() {
  wants_tries_ = true;
  if (const absl::Status read = TakeAndRead(); !read.ok()) {
    DropCard();
    return Failed(read, FAILURE_CODE_READER_LOST);
  }
  certificate_seen_ = hand_->seen;
  scene_.stage = desk::v1::STAGE_PROVING;
  screens_.Show(scene_);
  return KnowTries();
}

absl::StatusOr<PinResult> Check::Verify(const std::string& digest_info) {
  if (const auto form = std::exchange(pad_form_, std::nullopt)) {
    scene_.stage = desk::v1::STAGE_TYPE_AT_PAD;
    screens_.Show(scene_);
    return hand_->jpki->VerifyAtPad(*form, digest_info);
  }
  // On the way here the reader may have been lost twice, and time has passed.
  if (!pin_ || steady_clock::now() >= pin_->until) {
    pin_.reset();
    return FailureStatus(FAILURE_CODE_PIN_HELD_TOO_LONG);
  }
  absl::StatusOr<PinResult> result = absl::UnknownError("");
  {
    const HeldPin held = *std::exchange(pin_, std::nullopt);
    auto pin = held.key->Open(held.sealed, subject_.check_id);
    if (!pin.ok()) return FailureStatus(FAILURE_CODE_PIN_SEAL_INVALID);
    result = hand_->jpki->VerifyPin(&*pin, digest_info);
  }
  WipeStackBelow();
  return result;
}

Evidence Check::ProveCard() {
  scene_.stage = desk::v1::STAGE_PROVING;
  screens_.Show(scene_);
  if (!pad_form_ && (!pin_ || steady_clock::now() >= pin_->until)) {
    pin_.reset();
    return Failed(FAILURE_CODE_PIN_HELD_TOO_LONG);
  }
  // Nothing was verified yet: a reader that goes away now costs the patient a walk, and no PIN.
  auto trouble = TakeInHand();
  while (trouble && GoesOnElsewhere(trouble->failed().code(), scene_.reader)) trouble = FindAgain();
  if (trouble) {
    // After a deadline nobody knows the session's state.
    DropCard();
    return *trouble;
  }
  // A reader of no pad came since, and it was laid there.
  if (pad_form_ && !certificate_seen_.pin_pad) {
    DropCard();
    return Failed(FAILURE_CODE_PIN_NOT_TYPED, certificate_seen_.place() + " has no PIN pad");
  }
  const std::optional<int> tries = *hand_->tries_left;
  Evidence evidence;
  if (tries == 0) {
    DropCard();
    pin_.reset();
    pad_form_.reset();
    evidence.mutable_pin_blocked();
    return evidence;
  }
  // The yes to the last try holds for the PIN that was typed before it, and no other.
  const auto& last = record_.entry(record_.entry_size() - 2);
  if (tries == 1 && !last.evidence().has_last_try_accepted()) {
    DropCard();
    evidence.mutable_last_try();
    return evidence;
  }

  // No challenge in hand, no VERIFY: a try must never be spent on a check that cannot go on.
  const auto challenge = TakeChallenge();
  if (!challenge.ok()) return Failed(challenge.status(), FAILURE_CODE_AUTHORITY_UNREACHABLE);
  if (const absl::Status ours = CheckChallenge(*challenge, world_); !ours.ok()) {
    authority_->Blame("gave a challenge that is for another authority or host, or not 32 bytes");
    return Failed(ours, FAILURE_CODE_AUTHORITY_ANSWER_INVALID);
  }

  const std::string digest = ProofDigest({world_.authority_id, world_.host_id, subject_.check_id,
                                          challenge->challenge(), certificate_->sha256()});
  if (pad_form_) {
    // A challenge that is taken is good for as long again as that: the authority must still know
    // it.
    const std::chrono::seconds known(std::max<uint32_t>(challenge->valid_for_s() / 2, 1));
    pad_form_->patience = std::min(pad_form_->patience, known);
  }
  const auto result = Verify(DigestInfo(digest));
  scene_.pin_rejected = false;
  if (!result.ok()) {
    DropCard();
    return Failed(result.status(), FAILURE_CODE_READER_LOST);
  }
  if (result->blocked || !result->verified) {
    DropCard();
    if (result->blocked || result->tries_left == 0) {
      scene_.tries_left = 0;
      evidence.mutable_pin_blocked();
    } else {
      scene_.tries_left = result->tries_left;
      evidence.mutable_pin_rejected()->set_tries_left(result->tries_left);
    }
    return evidence;
  }
  const auto signature = hand_->jpki->Sign(DigestInfo(digest));
  DropCard();
  scene_.tries_left.reset();
  if (!signature.ok()) return Failed(signature.status(), FAILURE_CODE_READER_LOST);
  if (const absl::Status fits = CheckSignature(*certificate_, digest, *signature); !fits.ok()) {
    return Failed(fits, FAILURE_CODE_SIGNATURE_WRONG);
  }
  proof_.emplace();
  proof_->set_challenge(challenge->challenge());
  proof_->set_signature(*signature);
  evidence.mutable_card_proven();
  return evidence;
}

}  // namespace madoguchi
