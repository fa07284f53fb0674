#ifndef READER_H_
#define READER_H_

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "device.h"
#include "sdk/plugin/reader.h"  // the whole contract of a reader stands there

// One reader: what is on it, and one session at a time. All that is about the hardware is in
// device.h. Thread-safe.
class MyReader final : public madoguchi::plugin::Reader {
 public:
  std::string name() const override { return "my_reader"; }
  absl::Status Start(const madoguchi::plugin::Settings& settings) override;
  absl::StatusOr<madoguchi::reader::v1::OpenReply> Open(
      const madoguchi::reader::v1::OpenRequest& request) override;
  absl::StatusOr<std::vector<uint8_t>> Transmit(uint64_t session,
                                                std::span<const uint8_t> command) override;
  void Close(uint64_t session) override;

 private:
  // All want mutex_ held.
  void Look();
  void Show(const std::string& atr);
  bool HasCard(uint64_t insertion) const { return !atr_.empty() && insertion == insertion_; }

  std::mutex mutex_;  // over all below, the device too
  Device device_;
  std::string atr_;  // empty: no card
  uint64_t insertion_ = 0;
  bool lying_ = true;               // until something changed at the reader
  uint64_t session_ = 0;            // the newest, until it is closed
  uint64_t session_insertion_ = 0;  // its card
  uint64_t last_session_ = 0;
  std::condition_variable_any wake_;
  std::jthread watch_;
};

#endif  // READER_H_
