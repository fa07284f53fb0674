#ifndef MADOGUCHI_READERS_BLUETOOTH_CODEC_H_
#define MADOGUCHI_READERS_BLUETOOTH_CODEC_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sdk/failure/failure.h"
#include "sdk/secret/secret.h"

namespace madoguchi::bluetooth {

// The longest command that is carried: a short C-APDU with Lc 255 and Le (ISO 7816-4). Neither the
// My Number Card nor any published protocol of these readers needs more.
constexpr size_t kLongestCommand = 261;
// The longest R-APDU, data and SW1 SW2, that is taken from a reader.
constexpr size_t kLongestAnswer = 65538;

// What a reader says of its slot, in answer to AskSlot.
enum class Slot { kActive, kPresent, kAbsent };

// One thing that a codec has to tell.
struct Event {
  enum class Kind {
    kReady,   // commands can be given
    kCard,    // unasked: a card came (`present`) or went
    kDone,    // the command's answer: `bytes` is the ATR or the R-APDU, `slot` is for AskSlot
    kFailed,  // the command failed, by `status`; the next one may be given
    kBroken,  // nothing more can be said on this link, by `status`
  };
  Kind kind = Kind::kBroken;
  bool present = false;
  Slot slot = Slot::kAbsent;
  std::vector<uint8_t> bytes;
  absl::Status status;
};

// The language of one family of readers, on one link: what is said, not how it travels. It has no
// clock, no thread and no D-Bus. Not thread-safe.
//
// After Begin the codec says what it must by itself (authentication) and tells kReady. Then one
// command at a time, each of which ends with kDone, kFailed or kBroken. After each call the owner
// takes all frames and all events. A codec that told kBroken is of no more use, and its object
// serves one link alone.
//
// Whatever comes in is a stranger's bytes: any bytes may be given to Receive.
class Codec {
 public:
  virtual ~Codec() = default;

  virtual void Begin() = 0;
  // Only after kReady and with no command under way.
  virtual void PowerOn() = 0;   // kDone with the ATR, ISO 7816-3
  virtual void PowerOff() = 0;  // kDone
  virtual void AskSlot() = 0;   // kDone with the slot
  // kDone with the R-APDU of 2..kLongestAnswer bytes. `command` has 4..kLongestCommand bytes, may
  // hold a PIN, and is not kept: it is copied into the frame, which is a Secret.
  virtual void Transmit(std::span<const uint8_t> command) = 0;

  // Bytes of the reader's answers, in the pieces in which they came; a piece's end means nothing.
  virtual void Receive(std::span<const uint8_t> piece) = 0;
  // One message of the characteristic that tells the slot's state, where the family has one.
  virtual void ReceiveStatus(std::span<const uint8_t> message) { Receive(message); }

  // The next frame to be sent, whole.
  virtual std::optional<Secret> TakeFrame() = 0;
  virtual std::optional<Event> TakeEvent() = 0;
};

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_CODEC_H_
