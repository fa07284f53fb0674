#ifndef MADOGUCHI_READERS_BLUETOOTH_BLUETOOTH_READER_H_
#define MADOGUCHI_READERS_BLUETOOTH_BLUETOOTH_READER_H_

#include <atomic>
#include <memory>
#include <thread>

#include "readers/bluetooth/bus_bluez.h"
#include "readers/bluetooth/loop.h"
#include "readers/bluetooth/radio.h"
#include "sdk/plugin/reader.h"

namespace madoguchi::bluetooth {

// Readers in reach of this machine's Bluetooth. Calls come on any thread and are done on the loop's
// own; each waits for its answer, which comes at the latest when the device has kept silent for 30
// seconds.
class BluetoothReader final : public plugin::Reader {
 public:
  BluetoothReader() = default;
  // Ends the thread. No other call may be under way.
  ~BluetoothReader() override;

  std::string name() const override { return "reader_bluetooth"; }
  absl::Status Start(const plugin::Settings& settings) override;
  // Powers off the card of each session, and disconnects.
  void Stop() override;
  absl::StatusOr<reader::v1::OpenReply> Open(const reader::v1::OpenRequest& request) override;
  // REQUEST_INVALID for a command of over kLongestCommand bytes. The command is copied into locked
  // memory, PIN or not, and wiped there when it is in its frame.
  absl::StatusOr<std::vector<uint8_t>> Transmit(uint64_t session,
                                                std::span<const uint8_t> command) override;
  void Close(uint64_t session) override;

 private:
  absl::StatusOr<std::vector<uint8_t>> Await(std::function<void(Device::Answer)> ask);

  std::atomic<bool> started_ = false;
  std::atomic<uint64_t> last_session_ = 0;
  PollLoop loop_;
  Secret master_key_;
  std::unique_ptr<BusBluez> bluez_;
  std::unique_ptr<Radio> radio_;
  std::thread thread_;
};

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_BLUETOOTH_READER_H_
