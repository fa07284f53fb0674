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

// A reader is a pipe: it says what lies on its readers, and carries bytes to a card and back. It
// knows nothing of the card; one plugin may have any number of readers, none included, and they may
// come and go.
//
// WATCHING. After Start the plugin publishes the whole table of its readers on board(), and again
// whenever something changed: within a fraction of a second, as a patient waits. It does so from a
// thread of its own, for as long as the process lives.
// - A reader's name is unique in the plugin and stays while the reader is plugged in. Clinics write
//   it into their configuration: the same device had better have the same name tomorrow.
// - `insertion` grows with each arrival of a card at this reader, also of the same card, so that a
//   swap between two looks is seen. The host gives a check only a card that arrived for it. Where a
//   reader cannot tell whether a card was swapped, it counts.
// - `lying` is true for a card that already lay there when the plugin first saw the reader.
// - What the readers hang on (a service, a bus, a radio) being away is SERVICE_DOWN with a
//   `detail`, not an error and no reason to end.
//
// A SESSION is one card, powered, for one user:
//
//   Open{reader, insertion} -> session, atr;  Transmit ... Transmit;  Close
//
// The number of a session is never used twice in one process. While it is open, no other session
// and, where the device has such a lock, no other program gets to the card: CARD_BUSY for those who
// try. When the card is taken away or the reader is unplugged, a Transmit under way ends at once
// with CARD_GONE or READER_LOST, and so do those after it. A card that is put back is another
// insertion and needs another session. Close resets the card, so that no verified PIN stays.
//
// A PIN comes to TransmitPin inside a command in locked memory, which Serve has put together and
// wipes afterwards. It is sent once: a command that failed is never repeated by a reader, because
// the card counts tries. It is not logged, not kept, not copied where a copy can be helped; what
// has to be copied is overwritten with OPENSSL_cleanse. Readers with a PIN pad of their own say so
// (`pin_pad` in the table) and implement VerifyAtPad.
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
  // What the plugin sees goes here, from any thread. The first snapshot is due at once after Start,
  // with no reader in it if need be.
  SnapshotBoard& board() { return board_; }

  // Open, Transmit, TransmitPin, VerifyAtPad and Close answer the RPCs of madoguchi/reader/v1/
  // reader.proto, whose comments have the table of failures; FailureStatus (sdk/failure/failure.h)
  // makes them. Calls of different sessions come from several threads at once; of one session there
  // is one at a time, but for Close, which may come while a Transmit is stuck and should make it
  // return. They may block as long as the device does: the host has its own deadline, and calls
  // Close when it has passed.

  // Powers the card and begins a session. READER_LOST when there is no such reader, CARD_GONE when
  // no card lies there or it is another insertion than the one asked for, CARD_BUSY when somebody
  // else holds it, CARD_UNPOWERED when the card does not wake.
  virtual absl::StatusOr<reader::v1::OpenReply> Open(const reader::v1::OpenRequest& request) = 0;

  // One command APDU to the card, as it is: 4 to 65544 bytes, short or extended (Serve refuses
  // others). The card's answer as it is: 2 to 65538 bytes, SW1 SW2 last. Nothing is added, retried
  // or interpreted; where a device wants GET RESPONSE (61xx) or a corrected Le (6Cxx) done, the
  // host does that. READER_LOST for a session that is unknown or closed.
  virtual absl::StatusOr<std::vector<uint8_t>> Transmit(uint64_t session,
                                                        std::span<const uint8_t> command) = 0;

  // As Transmit, for a command with a PIN in it. `command` is wiped by the caller afterwards; the
  // default hands it to Transmit, which is right when Transmit makes no copy that outlives it.
  virtual absl::StatusOr<std::vector<uint8_t>> TransmitPin(uint64_t session, PinCommand& command) {
    return Transmit(session, command.bytes());
  }

  // The patient types the PIN at the reader's own pad: the template is CLA INS P1 P2 Lc with Lc =
  // 0, and the device puts the PIN at `pin_offset` (5) and its length into Lc. `form` is whole:
  // Serve has looked at it, and filled it in where the host left it out. Blocks until the card
  // answered or the pad gave up: PIN_PAD_CANCELLED, PIN_NOT_TYPED after form.patience_s, PIN_FORM;
  // UNIMPLEMENTED without a pad.
  virtual absl::StatusOr<std::vector<uint8_t>> VerifyAtPad(
      [[maybe_unused]] uint64_t session, [[maybe_unused]] std::span<const uint8_t> apdu_template,
      [[maybe_unused]] uint32_t pin_offset, [[maybe_unused]] const reader::v1::PadForm& form) {
    return absl::UnimplementedError("this reader has no PIN pad");
  }

  // Ends the session and resets the card. A session that is unknown or was closed before is no
  // error.
  virtual void Close(uint64_t session) = 0;

 private:
  SnapshotBoard board_;
};

// Serves `reader`, as plugin.h says; it must live as long as the process. Returns only when this
// process was not started by a host: an exit status for main(), with the reason on standard error.
int Serve(Reader& reader);

}  // namespace madoguchi::plugin

#endif  // MADOGUCHI_SDK_PLUGIN_READER_H_
