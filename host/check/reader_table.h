#ifndef MADOGUCHI_HOST_CHECK_READER_TABLE_H_
#define MADOGUCHI_HOST_CHECK_READER_TABLE_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/check/listeners.h"
#include "madoguchi/desk/v1/desk.pb.h"
#include "madoguchi/reader/v1/reader.pb.h"

namespace madoguchi {

// One card on one reader, as last heard of.
struct CardSeen {
  std::string plugin;
  std::string reader;
  uint64_t generation = 0;  // of the plugin's process
  uint64_t insertion = 0;   // the plugin's own count
  // The table's count of arrivals, over all readers and all lives of all plugins: names this stay
  // of this card on this reader, and says what came before what.
  uint64_t arrival = 0;
  // It lay there when its plugin began to look, so nobody knows since when.
  bool lying = false;
  bool powered = true;
  std::string taken_by;   // the check that took it, or nobody
  bool in_check = false;  // and that check is under way
  bool pin_pad = false;   // its reader's

  std::string place() const { return plugin + "/" + reader; }
};

// The readers of a counter, each by its place ("plugin/reader").
class Places {
 public:
  // Any reader.
  Places() = default;
  // Those named, the preferred one first; where none is named, any but those of `others`.
  Places(std::vector<std::string> named, std::set<std::string> others)
      : named_(std::move(named)), others_(std::move(others)) {}
  Places(std::initializer_list<std::string> named) : named_(named) {}

  bool Have(const std::string& place) const;
  // Whether one is named whose plugin this is, or any will do.
  bool HaveSomeOf(const std::string& plugin) const;
  const std::vector<std::string>& named() const { return named_; }

 private:
  std::vector<std::string> named_;
  std::set<std::string> others_;
};

// What all reader plugins see, in one table. Thread-safe: plugins' streams write, counters and
// screens read. Has no gRPC in it.
class ReaderTable {
 public:
  // `plugin`, in its process number `generation`, sees `snapshot`. The numbers of one plugin grow.
  void Update(const std::string& plugin, uint64_t generation, const reader::v1::Snapshot& snapshot);
  // The process is gone, and what it saw with it. What it may still have said counts no more.
  void Remove(const std::string& plugin, const std::string& why);

  // Cards on the readers of `places`, earliest arrival first.
  std::vector<CardSeen> Cards(const Places& places) const;
  // From here to EndCheck the check `check_id` is under way at a counter with `places`; it waits
  // for a card until it takes one, and again from AwaitCard on.
  void BeginCheck(const std::string& check_id, const Places& places);
  void AwaitCard(const std::string& check_id);
  void EndCheck(const std::string& check_id);
  // Whether a check under way other than `check_id` waits for a card there, too: then nobody knows
  // for whom one is laid down.
  bool IsAwaitedByOthers(const std::string& place, const std::string& check_id) const;
  // Takes the card of that arrival for the check `check_id`, as long as the card stays: true when
  // it lies there, no other check took it before and no other one awaits it; or the staff `vouched`
  // that it is this patient's, and no other check that took it is under way.
  bool Take(uint64_t arrival, const std::string& check_id, bool vouched);
  struct LookBegun {
    CardSeen card;
    desk::v1::CardKind known = desk::v1::CARD_KIND_UNSPECIFIED;
  };
  // Somebody who is no check looks at the card on `place`, until EndLook: as soon as a check takes
  // it, `end` is requested to stop. Nothing begins where the kind is `known` already.
  // READER_UNKNOWN, the reader's trouble, CARD_GONE, CARD_UNPOWERED, and CARD_BUSY where a check
  // took it or somebody looks at it.
  absl::StatusOr<LookBegun> BeginLook(const std::string& place, const std::stop_source& end);
  void EndLook(uint64_t arrival);
  // Waits until nobody looks at the card of that arrival any more, or `cancelled`.
  void AwaitLookEnd(uint64_t arrival, const std::stop_token& cancelled) const;
  // Says what the card of that arrival is; nothing when it is gone.
  void Recognise(uint64_t arrival, desk::v1::CardKind kind);
  // The readers of `places` on which a card could be read now, in the order of `places`.
  std::vector<std::string> Usable(const Places& places) const;
  // Why there is none: the trouble of a reader or of its service, as its plugin tells it;
  // READER_SERVICE_DOWN; READER_UNKNOWN when `places` name readers that are not there, though their
  // plugin knows others; NO_READER. Nothing when there is one.
  std::optional<check::v1::Failure> WhyUnusable(const Places& places) const;
  // Whether a PIN can be typed at each of Usable(places), and there is one.
  bool OnlyPads(const Places& places) const;
  // The newest arrival so far, on any reader.
  uint64_t arrivals() const;

  desk::v1::ReaderTable Rows() const;
  uint64_t revision() const;
  // Waits for a revision newer than `seen`, at most `timeout`; returns the current one.
  uint64_t WaitNewer(uint64_t seen, std::chrono::milliseconds timeout) const;

  // Pokes `listener` after every change, on the thread that made it, without locks held.
  void Tell(const std::shared_ptr<Listener>& listener) { listeners_.Add(listener); }

 private:
  struct Seen {
    reader::v1::ReaderState state;
    uint64_t arrival = 0;
    std::string taken_by;  // a check, or nobody
    std::string since;     // RFC 3339, UTC
    desk::v1::CardKind card = desk::v1::CARD_KIND_UNSPECIFIED;
  };
  struct Source {
    uint64_t generation = 0;
    reader::v1::Service service = reader::v1::SERVICE_UNSPECIFIED;
    std::string detail;
    check::v1::Failure trouble;  // without a code: none
    std::map<std::string, Seen> readers;
    // The card that lay last on a reader which is not mentioned any more, or about whose cards it
    // is not known anything: should the same insertion be told of again, it is the same stay and
    // has served whom it has served.
    std::map<std::string, Seen> unseen;
  };
  struct CheckUnderWay {
    Places places;
    bool waits = true;  // for a card
  };
  // All with the mutex held.
  CardSeen CardOf(const std::string& plugin, const std::string& reader, const Source& source,
                  const Seen& seen) const;
  Seen* Find(uint64_t arrival, std::string* place = nullptr);
  bool IsAwaited(const std::string& place, const std::string& but_by) const;

  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::map<std::string, Source> sources_;
  std::map<uint64_t, std::stop_source> looks_;   // by arrival
  std::map<std::string, CheckUnderWay> checks_;  // by check id
  uint64_t arrivals_ = 0;
  uint64_t revision_ = 1;

  Listeners listeners_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_CHECK_READER_TABLE_H_
