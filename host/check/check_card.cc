// The steps that need the card.
#include <algorithm>
#include <utility>

#include "host/check/check.h"
#include "sdk/failure/failure.h"
#include "sdk/proof/proof.h"

namespace madoguchi {

using check::v1::Evidence;
using namespace check::v1;  // NOLINT: the codes.
using std::chrono::steady_clock;

// The earliest card that is this patient's: it came after the counter's previous check was closed
// and served no other counter, or the staff said so.
std::optional<CardSeen> Check::CardToTake(const std::vector<CardSeen>& cards) {
  for (const CardSeen& card : cards) {
    if (disowned_.count(card.arrival) > 0) continue;
    const bool fresh = card.arrival > subject_.after_arrival && !card.lying;
    const bool vouched = vouched_.count(card.arrival) > 0;
    if (!fresh && !vouched) continue;
    auto visit = world_.reader_port->Visit(card);
    if (visit == nullptr || !world_.readers->Take(card.arrival, subject_.check_id, vouched))
      continue;
    visit_ = std::move(visit);
    return card;
  }
  return {};
}

bool Check::StillThere(const CardSeen& seen) const {
  const auto cards = world_.readers->Cards({seen.place()});
  return std::any_of(cards.begin(), cards.end(),
                     [&](const CardSeen& card) { return card.arrival == seen.arrival; });
}

FailureCode Check::WhyGone(const CardSeen& seen) const {
  for (const CardSeen& card : world_.readers->Cards({seen.place()})) {
    // It may lie there still, but what was agreed with it went with the plugin's process.
    if (card.generation != seen.generation) return FAILURE_CODE_READER_LOST;
  }
  switch (world_.readers->SupplyOf({seen.place()})) {
    case ReaderTable::Supply::kUsable:
      return FAILURE_CODE_CARD_GONE;
    case ReaderTable::Supply::kServiceDown:
      return FAILURE_CODE_READER_SERVICE_DOWN;
    default:
      return FAILURE_CODE_READER_LOST;
  }
}

absl::StatusOr<CardSeen> Check::AwaitCard() {
  // A typed PIN is not held longer than its time, however long a card may take.
  auto until = steady_clock::now() + world_.limits.card;
  if (pin_) until = std::min(until, pin_->until);
  std::optional<steady_clock::time_point> missing_since;
  while (true) {
    // One look at the table for both: a card that comes between two looks would be neither taken
    // nor left alone, but asked about.
    const auto cards = world_.readers->Cards(subject_.places);
    if (const auto seen = CardToTake(cards)) {
      if (!seen->powered) return FailureStatus(FAILURE_CODE_CARD_UNPOWERED, seen->place());
      return *seen;
    }
    auto wait_until = until;
    const auto supply = world_.readers->SupplyOf(subject_.places);
    if (supply == ReaderTable::Supply::kUsable) {
      missing_since.reset();
    } else {
      if (!missing_since) missing_since = steady_clock::now();
      const auto patience = *missing_since + world_.limits.no_reader;
      if (steady_clock::now() >= patience) {
        return FailureStatus(supply == ReaderTable::Supply::kServiceDown
                                 ? FAILURE_CODE_READER_SERVICE_DOWN
                                 : FAILURE_CODE_READER_LOST);
      }
      wait_until = std::min(wait_until, patience);
    }
    const auto unclear = std::find_if(cards.begin(), cards.end(), [&](const CardSeen& card) {
      // Not one whose reader is being replaced just now: it will be told of anew.
      return disowned_.count(card.arrival) == 0 && world_.reader_port->Visit(card) != nullptr;
    });
    scene_.other_card_lies_there = !cards.empty();
    if (unclear != cards.end()) {
      scene_.stage = desk::v1::STAGE_ASK_SAME_CARD;
      scene_.reader = unclear->place();
      scene_.arrival = unclear->arrival;
      screens_.Ask(scene_, [](const desk::v1::Reply&) { return absl::OkStatus(); });
    } else {
      scene_.stage = desk::v1::STAGE_LAY_CARD;
      screens_.Show(scene_);
    }
    desk::v1::Reply reply;
    switch (screens_.Await(wait_until, &reply)) {
      case Screens::Wake::kReply:
        (reply.same_card().same() ? vouched_ : disowned_).insert(unclear->arrival);
        break;
      case Screens::Wake::kCancelled:
        return FailureStatus(FAILURE_CODE_CANCELLED);
      case Screens::Wake::kTimeout:
        if (wait_until == until) {
          return FailureStatus(cards.empty() ? FAILURE_CODE_NO_CARD : FAILURE_CODE_CARD_LEFT_LYING);
        }
        break;
      case Screens::Wake::kReaders:
        break;
    }
  }
}

absl::Status Check::Open(const CardSeen& seen, Jpki::Ahead ahead) {
  DropCard();
  // The card of a moment ago may be this one: its reset comes before anything new.
  if (closing_.valid()) closing_.get();
  auto session = world_.reader_port->Open(seen, Within(world_.limits.apdu));
  if (!session.ok()) return session.status();
  auto jpki = Jpki::Select(*std::move(session), ahead);
  if (!jpki.ok()) return jpki.status();
  hand_.emplace();
  hand_->seen = seen;
  hand_->jpki.emplace(*std::move(jpki));
  scene_.reader = seen.place();
  return absl::OkStatus();
}

absl::Status Check::ReadIntoHand() {
  const auto der = hand_->jpki->ReadAuthenticationCertificate();
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

Evidence Check::ReadCertificate() {
  if (hand_ && !StillThere(hand_->seen)) {
    DropCard();
    scene_.tries_left.reset();
  }
  if (!hand_) {
    const auto seen = AwaitCard();
    if (!seen.ok()) {
      pin_.reset();
      return Failed(seen.status(), FAILURE_CODE_READER_LOST);
    }
    scene_.stage = desk::v1::STAGE_READING;
    scene_.reader = seen->place();
    scene_.other_card_lies_there = false;
    screens_.Show(scene_);
    const auto ahead = wants_tries_ ? Jpki::Ahead::kCertificateAndTries : Jpki::Ahead::kCertificate;
    if (const absl::Status opened = Open(*seen, ahead); !opened.ok()) {
      return Failed(opened, FAILURE_CODE_READER_LOST);
    }
  }
  if (!hand_->certificate) {
    if (const absl::Status read = ReadIntoHand(); !read.ok()) {
      DropCard();
      return Failed(read, FAILURE_CODE_READER_LOST);
    }
  }
  certificate_ = hand_->certificate;
  certificate_seen_ = hand_->seen;
  proof_.reset();
  Evidence evidence;
  evidence.mutable_certificate_read()->set_certificate_sha256(certificate_->sha256());
  return evidence;
}

absl::StatusOr<PinResult> Check::Verify(const std::string& digest_info) {
  if (const auto form = std::exchange(pad_form_, std::nullopt)) {
    scene_.stage = desk::v1::STAGE_TYPE_AT_PAD;
    screens_.Show(scene_);
    return hand_->jpki->VerifyAtPad(*form, digest_info);
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
  // It was laid on another reader after all, one that came since.
  if (pad_form_ && !certificate_seen_.pin_pad) {
    return Failed(FAILURE_CODE_PIN_NOT_TYPED, certificate_seen_.place() + " has no PIN pad");
  }
  // No challenge in hand, no VERIFY: a try must never be spent on a check that cannot go on.
  const auto challenge = TakeChallenge();
  if (!challenge.ok()) return Failed(challenge.status(), FAILURE_CODE_AUTHORITY_UNREACHABLE);
  if (challenge->challenge().size() != 32 || challenge->authority_id() != world_.authority_id ||
      challenge->host_id() != world_.host_id) {
    authority_->Blame("gave a challenge that is for another authority or host, or not 32 bytes");
    return Failed(FAILURE_CODE_AUTHORITY_ANSWER_INVALID,
                  "the challenge is for another authority or host: " + challenge->authority_id() +
                      ", " + challenge->host_id());
  }

  // After a rejected PIN the session is over and the same card, not moved since, is opened again.
  if (!StillThere(certificate_seen_)) return Failed(WhyGone(certificate_seen_));
  if (!hand_ || hand_->seen.arrival != certificate_seen_.arrival) {
    if (const absl::Status opened = Open(certificate_seen_, Jpki::Ahead::kNothing); !opened.ok()) {
      return Failed(opened, FAILURE_CODE_READER_LOST);
    }
  }
  if (!hand_->tries_left) {
    const auto tries = hand_->jpki->TriesLeft();
    if (!tries.ok()) return Failed(tries.status(), FAILURE_CODE_READER_LOST);
    hand_->tries_left = *tries;
    scene_.tries_left = *tries;
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

  const std::string digest = ProofDigest({world_.authority_id, world_.host_id, subject_.check_id,
                                          challenge->challenge(), certificate_->sha256()});
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
