#ifndef MADOGUCHI_READERS_VIRTUAL_RECORDED_READER_H_
#define MADOGUCHI_READERS_VIRTUAL_RECORDED_READER_H_

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "sdk/plugin/reader.h"
#include "sdk/recording/recorded_card.h"

namespace madoguchi::vpcd {

// The one reader of a recording (README.md), called `Virtual Reader 0`. Thread-safe. A thread of
// its own shows what the recording has to be seen; what took time takes it again.
class RecordedReader {
 public:
  // Publishes on `board`, which must outlive this object, from now on. `speed` in percent of the
  // recorded one; 0: as fast as it goes.
  RecordedReader(plugin::SnapshotBoard& board, recording::Recording recording, int64_t speed);
  // No other call may be under way.
  ~RecordedReader();

  // As in reader.proto. A command with no recorded answer is a CARD_ANSWER_INVALID.
  absl::StatusOr<reader::v1::OpenReply> Open(const reader::v1::OpenRequest& request);
  absl::StatusOr<std::vector<uint8_t>> Transmit(uint64_t session, std::span<const uint8_t> command);
  // UNIMPLEMENTED when the recorded reader had no pad.
  absl::StatusOr<std::vector<uint8_t>> VerifyAtPad(uint64_t session,
                                                   std::span<const uint8_t> apdu_template);
  void Close(uint64_t session);

 private:
  void Show();
  void Publish();
  std::chrono::microseconds Slowed(std::chrono::microseconds recorded) const;

  plugin::SnapshotBoard& board_;
  const int64_t speed_;
  std::mutex mutex_;
  std::condition_variable changed_;
  recording::RecordedCard card_;
  uint64_t session_ = 0;  // 0: none is open
  uint64_t last_session_ = 0;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace madoguchi::vpcd

#endif  // MADOGUCHI_READERS_VIRTUAL_RECORDED_READER_H_
