#ifndef MADOGUCHI_HOST_CARD_STATUS_WORD_H_
#define MADOGUCHI_HOST_CARD_STATUS_WORD_H_

#include <cstdint>
#include <cstdio>

#include "absl/status/status.h"
#include "sdk/failure/failure.h"

// What SW1 SW2 of the JPKI application say, and how its files are addressed. Sources as in jpki.h.
namespace madoguchi {

// With a short EF id behind it in P1 of READ BINARY, and in P2 of VERIFY and of COMPUTE DIGITAL
// SIGNATURE.
inline constexpr uint8_t kByShortId = 0x80;
inline constexpr uint8_t kPin = 0x18;  // EF 0018, the 利用者証明用 PIN

// CARD_ANSWER_INVALID for a status word that makes no sense as the answer to `where`.
inline absl::Status Invalid(const char* where, uint16_t sw) {
  char text[64];
  std::snprintf(text, sizeof(text), "%s answered %04X", where, sw);
  return FailureStatus(check::v1::FAILURE_CODE_CARD_ANSWER_INVALID, text);
}

// What a card answers that does not take short EF ids.
inline bool RefusesShortId(uint16_t sw) { return sw == 0x6A82 || sw == 0x6A86 || sw == 0x6986; }

// More of the answer waits, or waits for the right Le (see Exchange).
inline bool IsChained(uint16_t sw) { return sw >> 8 == 0x61 || sw >> 8 == 0x6C; }

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_CARD_STATUS_WORD_H_
