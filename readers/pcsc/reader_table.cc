#include "readers/pcsc/reader_table.h"

#include <algorithm>

namespace madoguchi::pcsc {

void ReaderTable::SetReaders(const std::vector<std::string>& names) {
  names_ = names;
  std::erase_if(entries_, [&](const auto& entry) {
    return std::find(names.begin(), names.end(), entry.first) == names.end();
  });
  for (const std::string& name : names) entries_[name].shown.set_name(name);
}

void ReaderTable::Look(const std::string& name, DWORD event_state, const std::string& atr,
                       bool stays) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  const bool was = (entry.state & SCARD_STATE_PRESENT) != 0;
  const bool is = (event_state & SCARD_STATE_PRESENT) != 0;
  event_state &= ~static_cast<DWORD>(SCARD_STATE_CHANGED);
  const uint16_t events = EventsOf(event_state) - EventsOf(entry.state);
  const bool fits = (events + is - was) % 2 == 0;
  if (entry.seen && !fits && !stays) {
    entry.half = event_state;
    return;
  }
  entry.half.reset();
  uint64_t& insertion = insertions_[name];
  if (!entry.seen) {
    entry.seen = true;
    insertion += is;
    entry.shown.set_lying(is);
  } else {
    // Insertions and removals take turns.
    uint64_t arrived = (events + is - was) / 2;
    if (is && (!was || events != 0)) arrived = std::max<uint64_t>(arrived, 1);
    insertion += arrived;
    if (arrived > 0 || !is) entry.shown.set_lying(false);
  }
  entry.state = event_state;

  reader::v1::Presence presence = reader::v1::PRESENCE_ABSENT;
  if (is) {
    const bool mute = (event_state & SCARD_STATE_MUTE) != 0;
    presence = mute ? reader::v1::PRESENCE_UNPOWERED : reader::v1::PRESENCE_PRESENT;
  }
  entry.shown.set_presence(presence);
  entry.shown.set_insertion(insertion);
  entry.shown.set_atr(is ? atr : "");
  entry.shown.set_busy((event_state & SCARD_STATE_EXCLUSIVE) != 0);
}

DWORD ReaderTable::current_state(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return SCARD_STATE_UNAWARE;
  return found->second.half.value_or(found->second.state);
}

bool ReaderTable::half_seen() const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const auto& entry) { return entry.second.half.has_value(); });
}

std::vector<std::string> ReaderTable::TakeUnasked() {
  std::vector<std::string> unasked;
  for (const std::string& name : names_) {
    Entry& entry = entries_.at(name);
    // To ask is to connect, which may change SCARD_STATE_INUSE: that is nothing new.
    const DWORD state = entry.state & ~static_cast<DWORD>(SCARD_STATE_INUSE);
    const bool worthwhile =
        entry.seen && entry.facts == Entry::Facts::kUnknown && entry.asked_at != state;
    if (!worthwhile) continue;
    entry.facts = Entry::Facts::kAsked;
    entry.asked_at = state;
    unasked.push_back(name);
  }
  return unasked;
}

void ReaderTable::AskAgain(const std::string& name) {
  if (const auto found = entries_.find(name); found != entries_.end()) {
    found->second.asked_at.reset();
  }
}

void ReaderTable::SetFacts(const std::string& name, const std::optional<ReaderFacts>& facts) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  entry.facts = facts ? Entry::Facts::kKnown : Entry::Facts::kUnknown;
  if (!facts) return;
  entry.shown.set_pin_pad(facts->pin_pad);
  entry.shown.set_maker(facts->maker);
  entry.shown.set_link(facts->link);
}

void ReaderTable::SetAwaited(const std::string& name, bool awaited) {
  awaited ? (void)awaited_.insert(name) : (void)awaited_.erase(name);
}

reader::v1::Snapshot ReaderTable::Snapshot() const {
  reader::v1::Snapshot snapshot;
  snapshot.set_service(reader::v1::SERVICE_RUNNING);
  for (const std::string& name : names_) {
    const Entry& entry = entries_.at(name);
    if (!entry.seen) continue;
    auto& state = *snapshot.add_reader();
    state = entry.shown;
    if (awaited_.count(name) > 0) state.set_busy(true);
  }
  return snapshot;
}

std::optional<ReaderTable::Card> ReaderTable::CardAt(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end() || !found->second.seen) return std::nullopt;
  const Entry& entry = found->second;
  return Card{entry.shown.insertion(), EventsOf(entry.state), entry.shown.presence()};
}

}  // namespace madoguchi::pcsc
