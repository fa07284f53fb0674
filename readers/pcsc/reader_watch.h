#ifndef MADOGUCHI_READERS_PCSC_READER_WATCH_H_
#define MADOGUCHI_READERS_PCSC_READER_WATCH_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "readers/pcsc/pcsc_api.h"
#include "readers/pcsc/reader_table.h"
#include "readers/pcsc/service_signal.h"

namespace madoguchi::pcsc {

// Keeps the table of readers true on a thread of its own, with a context of its own: cards, readers
// and pcscd itself may come and go. Thread-safe.
class ReaderWatch {
 public:
  // `publish` is called on the watch's thread with each snapshot, the first at once. `socket` is
  // where pcscd listens. `api` must outlive this object.
  ReaderWatch(PcscApi& api, const std::string& socket,
              std::function<void(reader::v1::Snapshot)> publish);
  // Ends the thread, cancelling the wait for events.
  ~ReaderWatch();

  struct Place {
    bool running = false;                   // pcscd
    std::optional<ReaderTable::Card> card;  // nullopt: no such reader
  };
  Place At(const std::string& reader);

 private:
  void Run();
  // Until the service is lost; returns the result that says so.
  LONG Follow(SCARDCONTEXT context);
  LONG Look(SCARDCONTEXT context);
  void ShowDown(LONG result);
  void Publish();

  PcscApi& api_;
  const std::string socket_;
  const std::function<void(reader::v1::Snapshot)> publish_;
  ServiceSignal signal_;
  std::mutex mutex_;
  ReaderTable table_;
  bool running_ = false;
  // Of the watch's thread: until when what was half seen may still come to fit.
  std::optional<std::chrono::steady_clock::time_point> half_seen_until_;
  SCARDCONTEXT context_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

}  // namespace madoguchi::pcsc

#endif  // MADOGUCHI_READERS_PCSC_READER_WATCH_H_
