#ifndef MADOGUCHI_SDK_PLUGIN_READER_H_
#define MADOGUCHI_SDK_PLUGIN_READER_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "madoguchi/reader/v1/reader.pb.h"
#include "sdk/plugin/plugin.h"
#include "sdk/secret/secret.h"

namespace madoguchi::plugin {

// Where a reader plugin puts what it sees, and from where Serve takes it to the host. Thread-safe.
// Only the newest snapshot is kept: each is the whole table.
class SnapshotBoard {
 public:
  // Does nothing when `snapshot` equals the newest one.
  void Publish(reader::v1::Snapshot snapshot);
  // Waits until there is a snapshot newer than number `seen`, at most `timeout`. Returns its number
  // and copies it to `snapshot`; returns `seen` when none came. Numbers start at 1.
  uint64_t WaitNewer(uint64_t seen, std::chrono::milliseconds timeout,
                     reader::v1::Snapshot* snapshot);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t number_ = 0;
  reader::v1::Snapshot newest_;
};

// A PIN on its way into a command. The APDU lies in locked memory, whole, with the PIN and Lc in
// place; a reader sends these bytes and keeps no copy.
using PinCommand = Secret;

class Reader : public Plugin {
 public:
  // What the plugin sees goes here, from any thread. The first snapshot is due at once after Start.
  SnapshotBoard& board() { return board_; }

  // The four below answer the RPCs of the same name; reader.proto says what each must do and which
  // failures it has (FailureStatus in sdk/failure/failure.h makes them). Calls of different
  // sessions come from several threads at once. They may block as long as the device does: the host
  // has its own deadline and then calls Close.
  virtual absl::StatusOr<reader::v1::OpenReply> Open(const reader::v1::OpenRequest& request) = 0;
  virtual absl::StatusOr<std::vector<uint8_t>> Transmit(uint64_t session,
                                                        std::span<const uint8_t> command) = 0;
  // As Transmit, for a command with a PIN in it. `command` is wiped by the caller afterwards; the
  // default hands it to Transmit, which is right when Transmit makes no copy that outlives it.
  virtual absl::StatusOr<std::vector<uint8_t>> TransmitPin(uint64_t session, PinCommand& command) {
    return Transmit(session, command.bytes());
  }
  // The reader's own pad: the template is as in the RPC. UNIMPLEMENTED without a pad.
  virtual absl::StatusOr<std::vector<uint8_t>> VerifyAtPad(uint64_t session,
                                                           std::span<const uint8_t> apdu_template,
                                                           uint32_t pin_offset) {
    return absl::UnimplementedError("this reader has no PIN pad");
  }
  virtual void Close(uint64_t session) = 0;

 private:
  SnapshotBoard board_;
};

// Serves `reader` on fd 3, with PINs on fd 4, until the host is gone. Returns the exit status.
int Serve(Reader& reader);

}  // namespace madoguchi::plugin

#endif  // MADOGUCHI_SDK_PLUGIN_READER_H_
