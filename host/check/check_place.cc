// Which card a check takes, on which of the counter's readers, and what becomes of it when a reader
// goes away.
#include <algorithm>
#include <utility>

#include "host/check/check.h"
#include "sdk/failure/failure.h"

namespace madoguchi {

using check::v1::Evidence;
using namespace check::v1;  // NOLINT: the codes.
using std::chrono::steady_clock;

namespace {

// How long the reader table may take to tell what became of a reader.
constexpr std::chrono::milliseconds kTableTells(500);
// A counter with more readers than this has other worries.
constexpr size_t kMostLost = 16;

// What all readers of a service share; else it is one reader that is gone.
bool IsOfService(FailureCode code) {
  return code == FAILURE_CODE_READER_SERVICE_DOWN || code == FAILURE_CODE_BLUETOOTH_OFF ||
         code == FAILURE_CODE_BLUETOOTH_ADAPTER_ABSENT;
}

// The failure of a check whose reader could be used a moment ago.
Failure LossOf(const Failure& why) {
  if (IsOfService(why.code())) return why;
  if (why.code() == FAILURE_CODE_NO_READER || why.code() == FAILURE_CODE_READER_UNKNOWN) {
    return Describe(FAILURE_CODE_READER_LOST);
  }
  const std::string reason = why.detail().empty() ? "" : ": " + why.detail();
  return Describe(FAILURE_CODE_READER_LOST, NameOf(why.code()) + reason);
}

}  // namespace

std::vector<CardSeen> Check::Cards() const {
  auto cards = world_.readers->Cards(subject_.places);
  std::erase_if(cards, [&](const CardSeen& card) {
    return card.in_check && card.taken_by != subject_.check_id;
  });
  return cards;
}

// This patient's: they came after the counter's previous check was closed, served no other counter,
// and no other counter awaits one there; or the staff said so.
std::vector<CardSeen> Check::Candidates(const std::vector<CardSeen>& cards) const {
  std::vector<CardSeen> candidates;
  for (const CardSeen& card : cards) {
    if (disowned_.count(card.arrival) > 0) continue;
    const bool others = !card.taken_by.empty() && card.taken_by != subject_.check_id;
    const bool fresh = card.arrival > subject_.after_arrival && !card.lying && !others &&
                       !world_.readers->IsAwaitedByOthers(card.place(), subject_.check_id);
    if (fresh || vouched_.count(card.arrival) > 0) candidates.push_back(card);
  }
  return candidates;
}

// The only candidate, or the one that the staff chose.
std::optional<CardSeen> Check::CardToTake(const std::vector<CardSeen>& cards) {
  const auto candidates = Candidates(cards);
  const auto is_vouched = [&](const CardSeen& card) { return vouched_.count(card.arrival) > 0; };
  auto card = std::find_if(candidates.begin(), candidates.end(), is_vouched);
  const bool vouched = card != candidates.end();
  if (!vouched && candidates.size() == 1) card = candidates.begin();
  if (card == candidates.end()) return {};
  auto visit = world_.reader_port->Visit(*card);
  if (visit == nullptr || !world_.readers->Take(card->arrival, subject_.check_id, vouched))
    return {};
  visit_ = std::move(visit);
  scene_.lost_reader.clear();
  return *card;
}

bool Check::StillThere(const CardSeen& seen) const {
  const auto cards = world_.readers->Cards({seen.place()});
  return std::any_of(cards.begin(), cards.end(),
                     [&](const CardSeen& card) { return card.arrival == seen.arrival; });
}

Failure Check::WhyGone(const CardSeen& seen) const {
  for (const CardSeen& card : world_.readers->Cards({seen.place()})) {
    // It may lie there still, but what was agreed with it went with the plugin's process.
    if (card.generation != seen.generation) return Describe(FAILURE_CODE_READER_LOST);
  }
  const auto why = world_.readers->WhyUnusable({seen.place()});
  return why ? LossOf(*why) : Describe(FAILURE_CODE_CARD_GONE);
}

absl::StatusOr<CardSeen> Check::AwaitCard() {
  world_.readers->AwaitCard(subject_.check_id);
  // A typed PIN is not held longer than its time, however long a card may take.
  auto until = steady_clock::now() + world_.limits.card;
  if (pin_) until = std::min(until, pin_->until);
  std::optional<steady_clock::time_point> missing_since;
  while (true) {
    // One look at the table for both: a card that comes between two looks would be neither taken
    // nor left alone, but asked about.
    const auto cards = Cards();
    if (const auto seen = CardToTake(cards)) {
      if (!seen->powered) return FailureStatus(FAILURE_CODE_CARD_UNPOWERED, seen->place());
      return *seen;
    }
    auto wait_until = until;
    if (const auto why = world_.readers->WhyUnusable(subject_.places)) {
      if (!missing_since) missing_since = steady_clock::now();
      const auto patience = *missing_since + world_.limits.no_reader;
      if (steady_clock::now() >= patience) {
        const Failure loss = LossOf(*why);
        return FailureStatus(loss.code(), loss.detail());
      }
      wait_until = std::min(wait_until, patience);
    } else {
      missing_since.reset();
    }
    const auto asked = AskAbout(cards);
    desk::v1::Reply reply;
    switch (screens_.Await(wait_until, &reply)) {
      case Screens::Wake::kReply:
        HearOf(asked, reply);
        break;
      case Screens::Wake::kCancelled:
        return FailureStatus(FAILURE_CODE_CANCELLED);
      case Screens::Wake::kTimeout:
        if (wait_until == until) {
          if (asked.size() > 1) return FailureStatus(FAILURE_CODE_TWO_CARDS);
          return FailureStatus(cards.empty() ? FAILURE_CODE_NO_CARD : FAILURE_CODE_CARD_LEFT_LYING);
        }
        break;
      case Screens::Wake::kReaders:
        break;
    }
  }
}

std::vector<CardSeen> Check::AskAbout(const std::vector<CardSeen>& cards) {
  std::vector<CardSeen> asked;
  // Not a card whose reader's plugin is being replaced just now: it will be told of anew.
  const auto can_be_taken = [&](const CardSeen& card) {
    return world_.reader_port->Visit(card) != nullptr;
  };
  for (const CardSeen& card : Candidates(cards)) {
    if (can_be_taken(card)) asked.push_back(card);
  }
  if (asked.size() < 2) {
    const auto unclear = std::find_if(cards.begin(), cards.end(), [&](const CardSeen& card) {
      return disowned_.count(card.arrival) == 0 && can_be_taken(card);
    });
    asked.clear();
    if (unclear != cards.end()) asked.push_back(*unclear);
  }
  scene_.other_card_lies_there = !cards.empty();
  scene_.arrivals.clear();
  scene_.card_at.clear();
  for (const CardSeen& card : asked) {
    scene_.arrivals.push_back(card.arrival);
    scene_.card_at.push_back(card.place());
  }
  if (asked.empty()) {
    scene_.stage = desk::v1::STAGE_LAY_CARD;
    screens_.Show(scene_);
  } else if (asked.size() == 1) {
    scene_.stage = desk::v1::STAGE_ASK_SAME_CARD;
    scene_.reader = asked.front().place();
    scene_.others_wait =
        world_.readers->IsAwaitedByOthers(asked.front().place(), subject_.check_id);
    screens_.Ask(scene_, [](const desk::v1::Reply&) { return absl::OkStatus(); });
  } else {
    scene_.stage = desk::v1::STAGE_ASK_WHICH_CARD;
    screens_.Ask(scene_, [at = scene_.card_at](const desk::v1::Reply& reply) {
      const bool known = std::count(at.begin(), at.end(), reply.which_card().reader()) > 0;
      return known ? absl::OkStatus()
                   : FailureStatus(FAILURE_CODE_REQUEST_INVALID, "no card was asked about there");
    });
  }
  return asked;
}

void Check::HearOf(const std::vector<CardSeen>& asked, const desk::v1::Reply& reply) {
  for (const CardSeen& card : asked) {
    const bool his = reply.has_which_card() ? card.place() == reply.which_card().reader()
                                            : reply.same_card().same();
    (his ? vouched_ : disowned_).insert(card.arrival);
  }
}

bool Check::GoesOnElsewhere(FailureCode code, const std::string& place) {
  const bool gone = code == FAILURE_CODE_READER_LOST || IsOfService(code);
  if (!gone || place.empty() || subject_.places.named().size() == 1 || lost_.size() == kMostLost) {
    return false;
  }
  // Whoever held the card heard of it first; with a plugin that died go all its readers.
  const auto until = steady_clock::now() + kTableTells;
  std::vector<std::string> usable;
  while (true) {
    usable = world_.readers->Usable(subject_.places);
    if (std::count(usable.begin(), usable.end(), place) == 0) break;
    const auto wake = screens_.Await(until, nullptr);
    if (wake == Screens::Wake::kCancelled || wake == Screens::Wake::kTimeout) return false;
  }
  if (usable.empty()) return false;
  lost_.push_back(place);
  scene_.lost_reader = place;
  scene_.tries_left.reset();
  DropCard();
  // Its plugin may be started again, so that the reader comes back.
  visit_.reset();
  return true;
}

}  // namespace madoguchi
