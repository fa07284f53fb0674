#ifndef MADOGUCHI_SDK_TOOLS_RECORD_CARD_PLAY_H_
#define MADOGUCHI_SDK_TOOLS_RECORD_CARD_PLAY_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sdk/tools/record/taken.h"

namespace madoguchi::record {

// The open session with the card.
struct CardLine {
  std::function<absl::StatusOr<Bytes>(const Bytes& command)> transmit;
  // CLA INS P1 P2 Lc with Lc = 0; the PIN is the line's to put in. Empty: no PIN is to be verified.
  std::function<absl::StatusOr<Bytes>(const Bytes& apdu_template)> verify_pin;
};

// The commands of one check, one by one, with what came back appended to `taken`: SELECT of the
// JPKI application (D392F000260100000001), READ BINARY of the 利用者証明用 certificate (EF 000A)
// and of the label of what holds it (EF 0006), and with a PIN the tries left (VERIFY without data
// of EF 0018), VERIFY, and COMPUTE DIGITAL SIGNATURE with the key (EF 0017). They are those of a
// Madoguchi host, in the same form: by short EF id, and with SELECT where a card refuses that.
//
// The one VERIFY is not sent when fewer than two tries are left (FAILED_PRECONDITION), and never
// twice. Fails too when the card is no My Number Card or does not hold to the form of one; what was
// appended until then stands.
absl::Status PlayCheck(const CardLine& line, Taken* taken);

}  // namespace madoguchi::record

#endif  // MADOGUCHI_SDK_TOOLS_RECORD_CARD_PLAY_H_
