#ifndef MADOGUCHI_READERS_NFC_NFC_DEVICE_H_
#define MADOGUCHI_READERS_NFC_NFC_DEVICE_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace madoguchi::nfc {

// What a call on a device came to.
enum class Outcome {
  kDone,
  kNoCard,    // nothing answered the poll
  kCardGone,  // the card that was found before does not answer
  kTooLong,   // the card's answer is longer than any of a short APDU
  kAborted,   // by Abort
  kSilent,    // no answer of the chip within the patience
  kGarbled,   // an answer that is none: a checksum, a frame, a status
  kLost,      // the device is gone, and stays so until it is opened anew
};

// One NFC chip with at most one card before its antenna: the seam behind which libnfc lies, a
// native driver could, and a fake does in tests. All calls come from one thread, but for Abort and
// Cut. No call waits for longer than it says.
class NfcDevice {
 public:
  // A short command APDU, and what answers one (ISO 7816-4: 256 bytes and SW1 SW2).
  static constexpr size_t kLongestCommand = 261;
  static constexpr size_t kLongestAnswer = 258;

  // Switches the field off, which resets the card, and closes.
  virtual ~NfcDevice() = default;

  // The chip, as it names itself.
  virtual std::string chip() const = 0;
  // Looks for a card of type B (ISO/IEC 14443-3) once and activates it: kDone with the ATR that
  // PC/SC makes of it, kNoCard, or a fault. Takes some 30 ms where none lies.
  virtual Outcome Find(std::vector<uint8_t>* atr) = 0;
  // Whether the card that Find found is still there: kDone, kCardGone, or a fault. At most 0.7 s.
  // Not between the parts of a chained command.
  virtual Outcome Ping() = 0;
  // One command of 1..kLongestCommand bytes; an answer of any length up to kLongestAnswer. Keeps
  // copies of the command on the stack of the calling thread and nowhere else. After any other
  // outcome than kDone nobody knows what the card did.
  virtual Outcome Exchange(std::span<const uint8_t> command, std::chrono::milliseconds patience,
                           std::vector<uint8_t>* answer) = 0;
  // Ends an Exchange that is under way; from another thread, and only during one. It may be lost
  // while the chip has not yet acknowledged the command.
  virtual void Abort() = 0;
  // The same for an Abort that was lost: the chip is told to drop what it does and to switch the
  // field off, whether it has heard of the command or not. The Exchange ends, with an outcome that
  // means nothing. Without effect where no chip hears it.
  virtual void Cut() = 0;
  // Switches the field off: the card forgets everything. The next Find switches it on.
  virtual Outcome FieldOff() = 0;
};

// Where devices are opened.
class NfcPorts {
 public:
  virtual ~NfcPorts() = default;
  // The device at `path`, for this process alone. The status carries READER_PORT_ABSENT,
  // READER_ACCESS_DENIED, READER_PORT_BUSY (another program, or another plugin, has it),
  // READER_SILENT, or READER_LOST where this process has no descriptor or memory for it. At most
  // some 2 s. Thread-safe.
  virtual absl::StatusOr<std::unique_ptr<NfcDevice>> Open(const std::string& path) = 0;
  // So much was lost for good that the process had better end, and begin anew. Thread-safe.
  virtual bool worn() const { return false; }
};

}  // namespace madoguchi::nfc

#endif  // MADOGUCHI_READERS_NFC_NFC_DEVICE_H_
