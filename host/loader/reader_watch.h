#ifndef MADOGUCHI_HOST_LOADER_READER_WATCH_H_
#define MADOGUCHI_HOST_LOADER_READER_WATCH_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>

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
// snapshot beyond them is an incident and counts as one without readers, and of those that come too
// fast only the newest counts.
//
// Nothing is lost with the others: each snapshot is the whole table, and a card that was swapped
// between two of them has another insertion.
class ReaderWatch {
 public:
  static constexpr int kMostReaders = 64;
  static constexpr size_t kLongestName = 256;
  static constexpr size_t kLongestAtr = 33;  // ISO 7816-3
  // The table is told of as many at once, and then of as many a second.
  static constexpr int kMostInASecond = 20;
  // Of more in a second, which is an incident, the stream is closed for the next one: also what
  // does not count costs time to be read. A new stream begins with what is newest.
  static constexpr int kMostHeardInASecond = 100;

  // `table` outlives this object.
  ReaderWatch(ReaderTable& table, std::string plugin, std::shared_ptr<const PluginLife> life);

  const std::shared_ptr<const PluginLife>& life() const { return life_; }

 private:
  // On a thread each, so that what is newest is known while the table may not be told yet.
  void Listen(const std::stop_token& stopping);
  // Until the stream ends. True when this end closed it, because too much came.
  bool Drain(grpc::ClientContext* call, grpc::ClientReader<reader::v1::Snapshot>* stream);
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
