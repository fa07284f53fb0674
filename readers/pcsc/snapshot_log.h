#ifndef MADOGUCHI_READERS_PCSC_SNAPSHOT_LOG_H_
#define MADOGUCHI_READERS_PCSC_SNAPSHOT_LOG_H_

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>

#include "madoguchi/reader/v1/reader.pb.h"

namespace madoguchi::pcsc {

// What a ReaderWatch publishes, none left out: a board keeps the newest alone. For tests.
// Thread-safe.
class SnapshotLog {
 public:
  void Add(reader::v1::Snapshot snapshot) {
    std::lock_guard<std::mutex> lock(mutex_);
    down_ += snapshot.service() == reader::v1::SERVICE_DOWN;
    newest_ = std::move(snapshot);
    changed_.notify_all();
  }
  // How many snapshots said that the service is down.
  size_t down() {
    std::lock_guard<std::mutex> lock(mutex_);
    return down_;
  }
  bool AwaitReaders(int count) {
    return Await([&] { return newest_.reader_size() == count; });
  }
  bool AwaitCard(const std::string& reader, reader::v1::Presence presence, uint64_t insertion) {
    return Await([&] {
      for (const auto& state : newest_.reader()) {
        if (state.name() != reader || state.presence() != presence) continue;
        card_ = state;
        return state.insertion() == insertion;
      }
      return false;
    });
  }
  // What the last AwaitCard saw.
  const reader::v1::ReaderState& card() const { return card_; }

 private:
  template <typename F>
  bool Await(F wanted) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), wanted);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  size_t down_ = 0;
  reader::v1::Snapshot newest_;
  reader::v1::ReaderState card_;
};

}  // namespace madoguchi::pcsc

#endif  // MADOGUCHI_READERS_PCSC_SNAPSHOT_LOG_H_
