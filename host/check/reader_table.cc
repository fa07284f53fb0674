#include "host/check/reader_table.h"

#include <algorithm>

#include "host/utc_now.h"
#include "sdk/failure/failure.h"
#include "sdk/failure/plain_line.h"

namespace madoguchi {
namespace {

// More readers than a counter has; a plugin that makes up names fills no memory.
constexpr size_t kMostUnseen = 64;

bool HasCard(const reader::v1::ReaderState& state) {
  return state.presence() == reader::v1::PRESENCE_PRESENT ||
         state.presence() == reader::v1::PRESENCE_UNPOWERED;
}

// What a plugin says is wrong, in the catalogue's words. A code that is of something else than
// readers is no reader's trouble.
check::v1::Failure TroubleOf(const check::v1::Failure& told) {
  const int code = told.code();
  if (code == check::v1::FAILURE_CODE_UNSPECIFIED) return {};
  const bool of_readers = (code >= check::v1::FAILURE_CODE_READER_SERVICE_DOWN &&
                           code <= check::v1::FAILURE_CODE_READER_ANSWER_INVALID) ||
                          (code >= check::v1::FAILURE_CODE_BLUETOOTH_OFF &&
                           code <= check::v1::FAILURE_CODE_READERS_NOT_CHOSEN);
  return Describe(of_readers ? told.code() : check::v1::FAILURE_CODE_NO_READER,
                  PlainLine(told.detail()));
}

// Of a reader in trouble nobody knows whether a card lies there.
bool KnowsOfCards(const reader::v1::ReaderState& state) {
  return HasCard(state) || state.presence() == reader::v1::PRESENCE_ABSENT;
}

// Whether nothing that a person would call a change happened at the reader.
bool IsAsBefore(const reader::v1::ReaderState& before, const reader::v1::ReaderState& now) {
  if (HasCard(before) && HasCard(now)) return before.insertion() == now.insertion();
  return before.presence() == now.presence() && before.trouble().code() == now.trouble().code();
}

bool IsUsable(const reader::v1::ReaderState& state) {
  return state.trouble().code() == check::v1::FAILURE_CODE_UNSPECIFIED;
}

}  // namespace

bool Places::Have(const std::string& place) const {
  if (named_.empty()) return others_.count(place) == 0;
  return std::find(named_.begin(), named_.end(), place) != named_.end();
}

bool Places::HaveSomeOf(const std::string& plugin) const {
  const std::string prefix = plugin + "/";
  return named_.empty() || std::any_of(named_.begin(), named_.end(), [&](const std::string& place) {
           return place.rfind(prefix, 0) == 0;
         });
}

void ReaderTable::Update(const std::string& plugin, uint64_t generation,
                         const reader::v1::Snapshot& snapshot) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    Source& source = sources_[plugin];
    if (generation < source.generation) return;
    std::map<std::string, Seen> before;
    if (generation == source.generation) {
      // What is not seen now was seen before what lies there now.
      before.swap(source.unseen);
      before.merge(source.readers);
    }
    source.generation = generation;
    source.service = snapshot.service();
    source.detail = snapshot.detail();
    source.trouble = TroubleOf(snapshot.trouble());
    source.readers.clear();
    source.unseen.clear();
    for (const reader::v1::ReaderState& state : snapshot.reader()) {
      Seen& seen = source.readers[state.name()];
      seen.state = state;
      if (state.has_trouble()) *seen.state.mutable_trouble() = TroubleOf(state.trouble());
      const auto old = before.find(state.name());
      const bool stayed = old != before.end() && IsAsBefore(old->second.state, state);
      seen.since = stayed ? old->second.since : UtcNow();
      if (!HasCard(state)) continue;
      seen.arrival = stayed ? old->second.arrival : ++arrivals_;
      if (!stayed) continue;
      seen.taken_by = old->second.taken_by;
      seen.card = old->second.card;
    }
    for (const auto& [name, seen] : before) {
      const auto now = source.readers.find(name);
      const bool known = now != source.readers.end() && KnowsOfCards(now->second.state);
      if (HasCard(seen.state) && !known && source.unseen.size() < kMostUnseen) {
        source.unseen[name] = seen;
      }
    }
    ++revision_;
    changed_.notify_all();
  }
  listeners_.Poke();
}

void ReaderTable::Remove(const std::string& plugin, const std::string& why) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    Source& source = sources_[plugin];
    source.readers.clear();
    source.unseen.clear();
    ++source.generation;
    source.service = reader::v1::SERVICE_UNSPECIFIED;
    source.detail = why;
    source.trouble.Clear();
    ++revision_;
    changed_.notify_all();
  }
  listeners_.Poke();
}

CardSeen ReaderTable::CardOf(const std::string& plugin, const std::string& reader,
                             const Source& source, const Seen& seen) const {
  return {plugin,
          reader,
          source.generation,
          seen.state.insertion(),
          seen.arrival,
          seen.state.lying(),
          seen.state.presence() == reader::v1::PRESENCE_PRESENT,
          seen.taken_by,
          checks_.count(seen.taken_by) > 0,
          seen.state.pin_pad()};
}

std::vector<CardSeen> ReaderTable::Cards(const Places& places) const {
  std::vector<CardSeen> cards;
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& [plugin, source] : sources_) {
    for (const auto& [reader, seen] : source.readers) {
      if (!HasCard(seen.state)) continue;
      CardSeen card = CardOf(plugin, reader, source, seen);
      if (places.Have(card.place())) cards.push_back(std::move(card));
    }
  }
  std::sort(cards.begin(), cards.end(),
            [](const CardSeen& a, const CardSeen& b) { return a.arrival < b.arrival; });
  return cards;
}

ReaderTable::Seen* ReaderTable::Find(uint64_t arrival, std::string* place) {
  for (auto& [plugin, source] : sources_) {
    for (auto& [reader, seen] : source.readers) {
      if (!HasCard(seen.state) || seen.arrival != arrival) continue;
      if (place != nullptr) *place = plugin + "/" + reader;
      return &seen;
    }
  }
  return nullptr;
}

void ReaderTable::BeginCheck(const std::string& check_id, const Places& places) {
  std::lock_guard<std::mutex> lock(mutex_);
  checks_[check_id] = {places};
}

void ReaderTable::AwaitCard(const std::string& check_id) {
  std::lock_guard<std::mutex> lock(mutex_);
  checks_.at(check_id).waits = true;
}

void ReaderTable::EndCheck(const std::string& check_id) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    checks_.erase(check_id);
    if (checks_.empty()) return;
    // Others waited for the same card, or saw one that was in this check's hand.
    ++revision_;
    changed_.notify_all();
  }
  listeners_.Poke();
}

bool ReaderTable::IsAwaited(const std::string& place, const std::string& but_by) const {
  return std::any_of(checks_.begin(), checks_.end(), [&](const auto& check) {
    return check.first != but_by && check.second.waits && check.second.places.Have(place);
  });
}

bool ReaderTable::IsAwaitedByOthers(const std::string& place, const std::string& check_id) const {
  std::lock_guard<std::mutex> lock(mutex_);
  return IsAwaited(place, check_id);
}

bool ReaderTable::Take(uint64_t arrival, const std::string& check_id, bool vouched) {
  std::stop_source look(std::nostopstate);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    std::string place;
    Seen* const seen = Find(arrival, &place);
    if (seen == nullptr) return false;
    const bool others = !seen->taken_by.empty() && seen->taken_by != check_id;
    if (others && (!vouched || checks_.count(seen->taken_by) > 0)) return false;
    if (!vouched && IsAwaited(place, check_id)) return false;
    seen->taken_by = check_id;
    if (const auto check = checks_.find(check_id); check != checks_.end()) {
      check->second.waits = false;
    }
    if (const auto found = looks_.find(arrival); found != looks_.end()) look = found->second;
  }
  // Outside the lock: whoever looks is told on this thread.
  look.request_stop();
  return true;
}

absl::StatusOr<ReaderTable::LookBegun> ReaderTable::BeginLook(const std::string& place,
                                                              const std::stop_source& end) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& [plugin, source] : sources_) {
    for (const auto& [reader, seen] : source.readers) {
      if (plugin + "/" + reader != place) continue;
      const check::v1::Failure& trouble = seen.state.trouble();
      if (!IsUsable(seen.state)) return FailureStatus(trouble.code(), trouble.detail());
      if (!HasCard(seen.state)) return FailureStatus(check::v1::FAILURE_CODE_CARD_GONE, place);
      LookBegun begun{CardOf(plugin, reader, source, seen), seen.card};
      if (begun.known != desk::v1::CARD_KIND_UNSPECIFIED) return begun;
      if (!begun.card.powered) return FailureStatus(check::v1::FAILURE_CODE_CARD_UNPOWERED, place);
      if (!begun.card.taken_by.empty()) {
        return FailureStatus(check::v1::FAILURE_CODE_CARD_BUSY, "a check has it");
      }
      if (!looks_.emplace(begun.card.arrival, end).second) {
        return FailureStatus(check::v1::FAILURE_CODE_CARD_BUSY, "somebody looks at it already");
      }
      return begun;
    }
  }
  return FailureStatus(check::v1::FAILURE_CODE_READER_UNKNOWN, place);
}

void ReaderTable::EndLook(uint64_t arrival) {
  std::lock_guard<std::mutex> lock(mutex_);
  looks_.erase(arrival);
  changed_.notify_all();
}

void ReaderTable::AwaitLookEnd(uint64_t arrival, const std::stop_token& cancelled) const {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, cancelled, [&] { return looks_.count(arrival) == 0; });
}

void ReaderTable::Recognise(uint64_t arrival, desk::v1::CardKind kind) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    Seen* const seen = Find(arrival);
    if (seen == nullptr || seen->card == kind) return;
    seen->card = kind;
    ++revision_;
    changed_.notify_all();
  }
  listeners_.Poke();
}

std::vector<std::string> ReaderTable::Usable(const Places& places) const {
  std::vector<std::string> usable;
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& [plugin, source] : sources_) {
    for (const auto& [reader, seen] : source.readers) {
      std::string place = plugin + "/" + reader;
      if (IsUsable(seen.state) && places.Have(place)) usable.push_back(std::move(place));
    }
  }
  std::sort(usable.begin(), usable.end(), [&](const std::string& a, const std::string& b) {
    const auto rank = [&](const std::string& place) {
      return std::find(places.named().begin(), places.named().end(), place);
    };
    return rank(a) != rank(b) ? rank(a) < rank(b) : a < b;
  });
  return usable;
}

std::optional<check::v1::Failure> ReaderTable::WhyUnusable(const Places& places) const {
  std::lock_guard<std::mutex> lock(mutex_);
  const check::v1::Failure* trouble = nullptr;
  std::optional<check::v1::Failure> down;
  bool others = false;
  for (const auto& [plugin, source] : sources_) {
    for (const auto& [reader, seen] : source.readers) {
      if (!places.Have(plugin + "/" + reader)) continue;
      if (IsUsable(seen.state)) return {};
      if (trouble == nullptr) trouble = &seen.state.trouble();
    }
    const bool wanted = places.HaveSomeOf(plugin);
    if (wanted && source.service == reader::v1::SERVICE_DOWN) {
      const bool told = source.trouble.code() != check::v1::FAILURE_CODE_UNSPECIFIED;
      down = told ? source.trouble
                  : Describe(check::v1::FAILURE_CODE_READER_SERVICE_DOWN, source.detail);
    }
    others = others || (wanted && !source.readers.empty());
  }
  if (trouble != nullptr) return *trouble;
  if (down) return down;
  return Describe(others ? check::v1::FAILURE_CODE_READER_UNKNOWN
                         : check::v1::FAILURE_CODE_NO_READER);
}

bool ReaderTable::OnlyPads(const Places& places) const {
  std::lock_guard<std::mutex> lock(mutex_);
  bool any = false;
  for (const auto& [plugin, source] : sources_) {
    for (const auto& [reader, seen] : source.readers) {
      if (!IsUsable(seen.state) || !places.Have(plugin + "/" + reader)) continue;
      if (!seen.state.pin_pad()) return false;
      any = true;
    }
  }
  return any;
}

uint64_t ReaderTable::arrivals() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return arrivals_;
}

desk::v1::ReaderTable ReaderTable::Rows() const {
  desk::v1::ReaderTable rows;
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& [plugin, source] : sources_) {
    auto* row = rows.add_source();
    row->set_plugin(plugin);
    row->set_service(source.service);
    row->set_detail(source.detail);
    if (source.trouble.code() != check::v1::FAILURE_CODE_UNSPECIFIED) {
      *row->mutable_trouble() = source.trouble;
    }
    for (const auto& [reader, seen] : source.readers) {
      auto* line = rows.add_reader();
      line->set_plugin(plugin);
      *line->mutable_state() = seen.state;
      line->set_since(seen.since);
      line->set_card(seen.card);
      line->set_taken(HasCard(seen.state) && !seen.taken_by.empty());
    }
  }
  return rows;
}

uint64_t ReaderTable::revision() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return revision_;
}

uint64_t ReaderTable::WaitNewer(uint64_t seen, std::chrono::milliseconds timeout) const {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait_for(lock, timeout, [&] { return revision_ > seen; });
  return revision_;
}

}  // namespace madoguchi
