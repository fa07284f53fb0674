#ifndef MADOGUCHI_READERS_PCSC_READER_WATCH_H_
#define MADOGUCHI_READERS_PCSC_READER_WATCH_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "readers/pcsc/pcsc_api.h"
#include "readers/pcsc/reader_choice.h"
#include "readers/pcsc/reader_table.h"
#include "readers/pcsc/service_signal.h"

namespace madoguchi::pcsc {

// Keeps the table of readers true on a thread of its own, with a context of its own: cards, readers
// and pcscd itself may come and go. Thread-safe.
class ReaderWatch {
 public:
  // `publish` is called with each snapshot, one at a time, the first at once. `ask` is called on
  // the watch's thread with a reader of which SetFacts should be told, and must not block. Readers
  // that are none of `choice` are not looked at. `socket` is where pcscd listens. `api` must
  // outlive this object.
  ReaderWatch(PcscApi& api, const std::string& socket, ReaderChoice choice,
              std::function<void(reader::v1::Snapshot)> publish,
              std::function<void(const std::string& reader)> ask);
  // Ends the thread, cancelling the wait for events.
  ~ReaderWatch();

  struct Place {
    bool running = false;                   // pcscd
    std::optional<ReaderTable::Card> card;  // nullopt: no such reader
  };
  Place At(const std::string& reader);

  // As ReaderTable's.
  void SetFacts(const std::string& reader, const std::optional<ReaderFacts>& facts);
  void SetAwaited(const std::string& reader, bool awaited);

 private:
  void Run();
  // Until the service is lost; returns the result that says so.
  LONG Follow(SCARDCONTEXT context);
  LONG Look(SCARDCONTEXT context);
  void ShowDown(LONG result);
  void Publish();
  // Those of `names` that are the clinic's. Says in the log which are not, once each.
  std::vector<std::string> Chosen(const std::vector<std::string>& names);

  PcscApi& api_;
  const std::string socket_;
  const ReaderChoice choice_;
  const std::function<void(reader::v1::Snapshot)> publish_;
  const std::function<void(const std::string&)> ask_;
  ServiceSignal signal_;
  std::mutex publishing_;  // before mutex_: snapshots go out in the order in which they were made
  std::mutex mutex_;
  ReaderTable table_;
  bool running_ = false;
  bool full_ = false;               // pcscd shows as many readers as it can
  std::set<std::string> left_out_;  // of the watch's thread
  // Of the watch's thread: until when what was half seen may still come to fit.
  std::optional<std::chrono::steady_clock::time_point> half_seen_until_;
  SCARDCONTEXT context_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

}  // namespace madoguchi::pcsc

#endif  // MADOGUCHI_READERS_PCSC_READER_WATCH_H_
