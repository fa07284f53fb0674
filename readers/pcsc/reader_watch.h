#ifndef MADOGUCHI_READERS_PCSC_READER_WATCH_H_
#define MADOGUCHI_READERS_PCSC_READER_WATCH_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
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
#include "sdk/failure/failure.h"

namespace madoguchi::pcsc {

// Keeps the table of readers true on a thread of its own, with a context of its own: cards, readers
// and pcscd itself may come and go. A pcscd that takes calls and answers none (it is stopped, or
// hangs in a driver) is down until it answers; a second thread looks after that. Thread-safe.
class ReaderWatch {
 public:
  // `publish` is called with each snapshot, one at a time, the first at once. `ask` is called, on
  // any thread, with a reader of which SetFacts should be told, and must not block. Readers
  // that are none of `choice` are not looked at. `socket` is where pcscd listens. `api` must
  // outlive this object.
  ReaderWatch(PcscApi& api, const std::string& socket, ReaderChoice choice,
              std::function<void(reader::v1::Snapshot)> publish,
              std::function<void(const std::string& reader)> ask);
  // Ends the thread, cancelling the wait for events.
  ~ReaderWatch();

  struct Place {
    bool running = false;                   // pcscd, and it answers
    std::optional<ReaderTable::Card> card;  // nullopt: no such reader
  };
  Place At(const std::string& reader);

  // Whether pcscd runs and has answered since `since`. Waits for it, 2 s at most.
  bool HasAnswered(std::chrono::steady_clock::time_point since);

  // As ReaderTable's; readers that may be able to say something now are asked.
  void AskAgain(const std::string& reader);
  void SetFacts(const std::string& reader, const std::optional<ReaderFacts>& facts);
  void SetAwaited(const std::string& reader, bool awaited);

 private:
  void Run();
  // Shows pcscd as down while the call under way is overdue.
  void Guard();
  // Makes a call to pcscd, which waits for events for `patience` at most.
  template <typename F>
  LONG Call(std::chrono::milliseconds patience, F call);
  // Until the service is lost; returns the result that says so.
  LONG Follow(SCARDCONTEXT context);
  LONG Look(SCARDCONTEXT context);
  void ShowDown(const Failure& why);
  void AskUnasked();
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
  std::condition_variable changed_;
  ReaderTable table_;
  bool running_ = false;
  Failure down_;  // why it does not run; unset before the first result
  // When the call under way should have come back; nothing between calls.
  std::optional<std::chrono::steady_clock::time_point> due_;
  bool silent_ = false;                             // it has not
  std::chrono::steady_clock::time_point answered_;  // when the last call came back
  bool full_ = false;                               // pcscd shows as many readers as it can
  std::set<std::string> left_out_;                  // of the watch's thread
  // Of the watch's thread: until when what was half seen may still come to fit.
  std::optional<std::chrono::steady_clock::time_point> half_seen_until_;
  SCARDCONTEXT context_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
  std::thread guard_;
};

}  // namespace madoguchi::pcsc

#endif  // MADOGUCHI_READERS_PCSC_READER_WATCH_H_
