#include "host/check/reader_table.h"

#include <algorithm>

namespace madoguchi {
namespace {

// More readers than a counter has; a plugin that makes up names fills no memory.
constexpr size_t kMostUnmentioned = 64;

bool HasCard(const reader::v1::ReaderState& state) {
  return state.presence() == reader::v1::PRESENCE_PRESENT ||
         state.presence() == reader::v1::PRESENCE_UNPOWERED;
}

}  // namespace

void ReaderTable::Update(const std::string& plugin, uint64_t generation,
                         const reader::v1::Snapshot& snapshot) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    Source& source = sources_[plugin];
    if (generation < source.generation) return;
    std::map<std::string, Seen> before;
    if (generation == source.generation) {
      before.swap(source.readers);
      before.merge(source.unmentioned);
    }
    source.generation = generation;
    source.service = snapshot.service();
    source.detail = snapshot.detail();
    source.readers.clear();
    source.unmentioned.clear();
    for (const reader::v1::ReaderState& state : snapshot.reader()) {
      Seen& seen = source.readers[state.name()];
      seen.state = state;
      if (!HasCard(state)) continue;
      const auto old = before.find(state.name());
      const bool stayed = old != before.end() && HasCard(old->second.state) &&
                          old->second.state.insertion() == state.insertion();
      seen.arrival = stayed ? old->second.arrival : ++arrivals_;
      if (stayed) seen.taken_by = old->second.taken_by;
    }
    for (const auto& [name, seen] : before) {
      const bool remembered = HasCard(seen.state) && source.readers.count(name) == 0 &&
                              source.unmentioned.size() < kMostUnmentioned;
      if (remembered) source.unmentioned[name] = seen;
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
    source.unmentioned.clear();
    ++source.generation;
    source.service = reader::v1::SERVICE_UNSPECIFIED;
    source.detail = why;
    ++revision_;
    changed_.notify_all();
  }
  listeners_.Poke();
}

std::vector<CardSeen> ReaderTable::Cards(const std::set<std::string>& places) const {
  std::vector<CardSeen> cards;
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& [plugin, source] : sources_) {
    for (const auto& [reader, seen] : source.readers) {
      if (!HasCard(seen.state)) continue;
      CardSeen card{plugin,
                    reader,
                    source.generation,
                    seen.state.insertion(),
                    seen.arrival,
                    seen.state.lying(),
                    seen.state.presence() == reader::v1::PRESENCE_PRESENT,
                    seen.state.pin_pad()};
      if (places.empty() || places.count(card.place()) > 0) cards.push_back(std::move(card));
    }
  }
  std::sort(cards.begin(), cards.end(),
            [](const CardSeen& a, const CardSeen& b) { return a.arrival < b.arrival; });
  return cards;
}

bool ReaderTable::Take(uint64_t arrival, const std::string& check_id, bool vouched) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (auto& [plugin, source] : sources_) {
    for (auto& [reader, seen] : source.readers) {
      if (!HasCard(seen.state) || seen.arrival != arrival) continue;
      if (!vouched && !seen.taken_by.empty() && seen.taken_by != check_id) return false;
      seen.taken_by = check_id;
      return true;
    }
  }
  return false;
}

ReaderTable::Supply ReaderTable::SupplyOf(const std::set<std::string>& places) const {
  std::lock_guard<std::mutex> lock(mutex_);
  bool down = false, others = false;
  for (const auto& [plugin, source] : sources_) {
    for (const auto& [reader, seen] : source.readers) {
      if (places.empty() || places.count(plugin + "/" + reader) > 0) return Supply::kUsable;
    }
    const std::string prefix = plugin + "/";
    const bool wanted =
        places.empty() || std::any_of(places.begin(), places.end(), [&](const std::string& place) {
          return place.rfind(prefix, 0) == 0;
        });
    down = down || (wanted && source.service == reader::v1::SERVICE_DOWN);
    others = others || (wanted && !source.readers.empty());
  }
  if (down) return Supply::kServiceDown;
  return others ? Supply::kReaderUnknown : Supply::kNoReader;
}

bool ReaderTable::OnlyPads(const std::set<std::string>& places) const {
  std::lock_guard<std::mutex> lock(mutex_);
  bool any = false;
  for (const auto& [plugin, source] : sources_) {
    for (const auto& [reader, seen] : source.readers) {
      if (!places.empty() && places.count(plugin + "/" + reader) == 0) continue;
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
    for (const auto& [reader, seen] : source.readers) {
      auto* line = rows.add_reader();
      line->set_plugin(plugin);
      *line->mutable_state() = seen.state;
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
