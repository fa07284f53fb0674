#ifndef MADOGUCHI_HOST_CARD_SESSION_H_
#define MADOGUCHI_HOST_CARD_SESSION_H_

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "sdk/secret/secret.h"

namespace madoguchi {

// How a PIN is typed at a reader's own pad.
struct PadForm {
  uint32_t shortest = 4, longest = 16;  // digits, 1..16
  std::chrono::seconds patience{60};    // that the person has, 1..255
};

// One transaction with one card. It begins when the object is made and ends with it: the card is
// then reset, on every path, so that no verified PIN stays. Used by one thread; the calls block
// until the card answers, the check is cancelled or the deadline of one call has passed
// (CARD_GONE, CARD_SILENT, READER_LOST, READER_SERVICE_DOWN, CANCELLED). After an error the session
// is only good for being destroyed.
class CardSession {
 public:
  virtual ~CardSession() = default;

  // Sends one C-APDU as it is and returns the R-APDU, SW1 SW2 last: 2 bytes or more.
  virtual absl::StatusOr<std::vector<uint8_t>> Transmit(std::span<const uint8_t> command) = 0;

  // Sends C-APDUs in their order, up to and with the first whose answer does not end with 9000; one
  // answer for each that was sent. Where a call costs more than an APDU this is one call.
  virtual absl::StatusOr<std::vector<std::vector<uint8_t>>> TransmitAll(
      std::span<const std::vector<uint8_t>> commands) {
    std::vector<std::vector<uint8_t>> answers;
    for (const std::vector<uint8_t>& command : commands) {
      auto answer = Transmit(command);
      if (!answer.ok()) return answer.status();
      answers.push_back(*std::move(answer));
      if (!IsGood(answers.back())) break;
    }
    return answers;
  }

  // Sends `apdu_template` (CLA INS P1 P2 Lc, with Lc = 0) with `pin` as its data, once. The PIN
  // goes by the lane of its own, is in no message, and is wiped here as soon as it is on its way.
  virtual absl::StatusOr<std::vector<uint8_t>> VerifyPin(std::span<const uint8_t> apdu_template,
                                                         Secret* pin) = 0;

  // VerifyPin and, when it was answered 9000, TransmitAll of `commands`. The answer to VERIFY
  // first.
  virtual absl::StatusOr<std::vector<std::vector<uint8_t>>> VerifyPinAndTransmitAll(
      std::span<const uint8_t> apdu_template, Secret* pin,
      std::span<const std::vector<uint8_t>> commands) {
    auto verified = VerifyPin(apdu_template, pin);
    if (!verified.ok()) return verified.status();
    std::vector<std::vector<uint8_t>> answers = {*std::move(verified)};
    if (!IsGood(answers.front())) return answers;
    auto rest = TransmitAll(commands);
    if (!rest.ok()) return rest.status();
    std::move(rest->begin(), rest->end(), std::back_inserter(answers));
    return answers;
  }

  // The same, with the PIN typed at the reader's own pad: blocks while the person types. Further
  // failures: PIN_PAD_CANCELLED, PIN_NOT_TYPED, PIN_FORM, with no try spent; UNIMPLEMENTED without
  // a pad.
  virtual absl::StatusOr<std::vector<std::vector<uint8_t>>> VerifyAtPadAndTransmitAll(
      std::span<const uint8_t> apdu_template, const PadForm& form,
      std::span<const std::vector<uint8_t>> commands) {
    return absl::UnimplementedError("this reader has no PIN pad");
  }

 protected:
  static bool IsGood(const std::vector<uint8_t>& answer) {
    const size_t size = answer.size();
    return size >= 2 && answer[size - 2] == 0x90 && answer[size - 1] == 0x00;
  }
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_CARD_SESSION_H_
