#ifndef MADOGUCHI_READERS_PCSC_PIN_PAD_H_
#define MADOGUCHI_READERS_PCSC_PIN_PAD_H_

#include <winscard.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "madoguchi/reader/v1/reader.pb.h"
#include "readers/pcsc/pad_rules.h"
#include "readers/pcsc/pcsc_api.h"

// Readers with a PIN pad of their own, by "Interoperability Specification for ICCs and Personal
// Computer Systems, Part 10: IFDs with Secure PIN Entry Capabilities", version 2.02.09 (PC/SC
// workgroup). What drivers answer is taken for any bytes. All of it is free of state.
namespace madoguchi::pcsc {

// The control codes of the features that are used here; 0 for one that the reader does not have.
struct PadFeatures {
  DWORD verify_direct = 0;   // FEATURE_VERIFY_PIN_DIRECT
  DWORD pin_properties = 0;  // FEATURE_IFD_PIN_PROPERTIES
  DWORD tlv_properties = 0;  // FEATURE_GET_TLV_PROPERTIES
};

// The answer to CM_IOCTL_GET_FEATURE_REQUEST: for each feature a tag, the length 4 and a control
// code, big-endian. A list that breaks this form anywhere is none of a PIN pad: nothing of it
// counts. Of a tag that stands twice the first one counts.
PadFeatures ParseFeatures(std::span<const uint8_t> list);

// What a pad says of itself; it may lie.
struct PadProperties {
  std::optional<bool> display;
  std::optional<uint8_t> shortest;  // digits
  std::optional<uint8_t> longest;
};

// The answer to FEATURE_GET_TLV_PROPERTIES: tag, length, value, little-endian. A part that breaks
// this form ends it; what stood before it counts.
PadProperties ParseTlvProperties(std::span<const uint8_t> list);
// The answer to FEATURE_IFD_PIN_PROPERTIES: PIN_PROPERTIES_STRUCTURE, 4 bytes.
PadProperties ParsePinProperties(std::span<const uint8_t> structure);

// PIN_VERIFY_STRUCTURE for `apdu_template`, CLA INS P1 P2 Lc with Lc = 0 (REQUEST_INVALID for
// another). The pad puts the digits in as ASCII, left justified, without padding, and their number
// into Lc. They are as many as `form` says, less what the pad says it cannot do, unless that leaves
// nothing; what `rule` says goes before both, and where it gives one length the other follows.
absl::StatusOr<std::vector<uint8_t>> VerifyStructure(std::span<const uint8_t> apdu_template,
                                                     uint32_t pin_offset,
                                                     const reader::v1::PadForm& form,
                                                     const PadProperties& properties,
                                                     const PadRule& rule);

// What the status word of FEATURE_VERIFY_PIN_DIRECT says of the pad: PIN_NOT_TYPED (6400),
// PIN_PAD_CANCELLED (6401), PIN_FORM (6402, 6403: too short or too long), REQUEST_INVALID (6B80: it
// does not take the structure). OK: it is the card's answer.
absl::Status PadFailure(std::span<const uint8_t> response);
// The same where the driver says it as the result of SCardControl. OK: the result says nothing of
// the pad.
absl::Status PadFailure(LONG result);

// The features of the reader of `card`, which may be connected directly. None when it knows no such
// request; other failures are those of SCardControl.
LONG AskFeatures(PcscApi& api, SCARDHANDLE card, PadFeatures* features);

// The PIN is typed at the reader of `card` now: blocks until then. The card's R-APDU, or the
// failures of PadFailure and SCardControl; UNIMPLEMENTED without a pad, or one that is off.
absl::StatusOr<std::vector<uint8_t>> VerifyAtPad(PcscApi& api, SCARDHANDLE card,
                                                 std::span<const uint8_t> apdu_template,
                                                 uint32_t pin_offset,
                                                 const reader::v1::PadForm& form,
                                                 const PadRule& rule);

}  // namespace madoguchi::pcsc

#endif  // MADOGUCHI_READERS_PCSC_PIN_PAD_H_
