#ifndef MADOGUCHI_SDK_RECORDING_RECORDED_CARD_H_
#define MADOGUCHI_SDK_RECORDING_RECORDED_CARD_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "sdk/recording/recording.h"

namespace madoguchi::recording {

// The card and the reader of a recording, played. It has no clock: it says how long the real ones
// took, and its caller waits. One thread at a time.
//
// A command is answered as it was when it was recorded in the state in which the card is now. The
// state changes by two things: by a VERIFY with a PIN, whose answers come once each and in their
// order whatever the PIN, and by the reset at the end of a session, which takes a verified PIN
// back. Between them commands may come in another order, more than once or not at all: the next
// answer recorded for the command is taken, then the ones before.
class RecordedCard {
 public:
  explicit RecordedCard(Recording recording);

  // What is to be seen next, once all that was recorded before it has been done; nothing until
  // then. The first is there at once.
  const Event* NextSight() const;
  // It is seen from now on.
  void ShowSight();
  // The one that is seen; empty before the first.
  const v1::Sight& sight() const { return sight_; }
  // Grows with each sight of a card that follows one of none. Starts at 0.
  uint64_t insertion() const { return insertion_; }
  // Nothing more will ever be seen.
  bool over() const;

  struct Answer {
    std::vector<uint8_t> bytes;  // R-APDU
    std::chrono::microseconds took{0};
    // The reader's failure; then there are no bytes.
    check::v1::FailureCode failure = check::v1::FAILURE_CODE_UNSPECIFIED;
  };

  // The recorded failure, if the session could not be opened here; it is told once.
  check::v1::FailureCode Open();
  void Close();
  // CARD_ANSWER_INVALID, naming CLA INS P1 P2 and no more, when this command was not recorded in
  // this state. A VERIFY (INS 20) with data, or with Lc = 0, is one with a PIN.
  absl::StatusOr<Answer> Transmit(std::span<const uint8_t> command);

 private:
  absl::StatusOr<Answer> VerifyPin(std::span<const uint8_t> command);
  // The event of an exchange that answers `command` now; nothing when none does.
  std::optional<size_t> Find(std::span<const uint8_t> command) const;
  bool Answers(const Event& event, std::span<const uint8_t> command) const;
  absl::StatusOr<Answer> Say(const Exchange& exchange);

  const Recording recording_;
  size_t next_ = 0;   // the first event that is not done
  size_t begin_ = 0;  // the first event after the sight of now
  v1::Sight sight_;
  uint64_t insertion_ = 0;
  bool verified_ = false;
  std::optional<uint16_t> refused_;  // the status word of the last VERIFY, if it was refused
  std::vector<uint8_t> signature_;
};

}  // namespace madoguchi::recording

#endif  // MADOGUCHI_SDK_RECORDING_RECORDED_CARD_H_
