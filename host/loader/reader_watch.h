#ifndef MADOGUCHI_HOST_LOADER_READER_WATCH_H_
#define MADOGUCHI_HOST_LOADER_READER_WATCH_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "host/check/reader_table.h"
#include "host/loader/plugin_life.h"
#include "madoguchi/reader/v1/reader.pb.h"

namespace madoguchi {

// Carries the snapshots of one life of a reader plugin into the table, as long as this object
// lives. Every screen is sent what stands there, so what a plugin tells has its bounds here: a
// snapshot beyond them counts as one without readers, and of more than the table is told of only
// the newest counts. Both are incidents.
//
// None is lost that matters: each snapshot is the whole table, and a card that was swapped between
// two that were told has another insertion.
class ReaderWatch {
 public:
  static constexpr int kMostReaders = 64;
  static constexpr size_t kLongestName = 256;
  static constexpr size_t kLongestAtr = 33;  // ISO 7816-3
  // The table is told of as many at once, and then of as many a second.
  static constexpr int kMostInASecond = 20;

  // `table` outlives this object.
  ReaderWatch(ReaderTable& table, std::string plugin, std::shared_ptr<const PluginLife> life);

  const std::shared_ptr<const PluginLife>& life() const { return life_; }

 private:
  // On a thread each: whoever takes the snapshots never waits, so that what is newest is known.
  void Listen(const std::stop_token& stopping);
  void Tell(const std::stop_token& stopping);

  void Take(reader::v1::Snapshot snapshot);
  reader::v1::Snapshot Bounded(reader::v1::Snapshot snapshot) const;

  ReaderTable& table_;
  const std::string plugin_;
  const std::shared_ptr<const PluginLife> life_;

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::optional<reader::v1::Snapshot> newest_;  // that the table was not told of yet

  std::jthread listening_;
  std::jthread telling_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_LOADER_READER_WATCH_H_
