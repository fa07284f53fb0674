#ifndef MADOGUCHI_READERS_PCSC_PAD_RULES_H_
#define MADOGUCHI_READERS_PCSC_PAD_RULES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace madoguchi::pcsc {

// What the clinic says of a PIN pad that does not do what it says of itself. What is absent is as
// pin_pad.h says. The names in brackets are those of PIN_VERIFY_STRUCTURE (PC/SC part 10).
struct PadRule {
  bool off = false;                      // the reader counts as one without a pad
  std::optional<uint8_t> timeout;        // seconds, 1..255 (bTimerOut)
  std::optional<uint8_t> shortest;       // digits, 1..16 (wPINMaxExtraDigit, upper byte)
  std::optional<uint8_t> longest;        // digits, 1..16 (wPINMaxExtraDigit, lower byte)
  std::optional<uint8_t> format;         // bmFormatString
  std::optional<uint8_t> block;          // bmPINBlockString
  std::optional<uint8_t> length_format;  // bmPINLengthFormat
  std::optional<uint8_t> validation;     // bEntryValidationCondition
  std::optional<uint8_t> messages;       // bNumberMessage
  std::optional<uint16_t> language;      // wLangId
  bool lc = true;                        // false: the command goes without its Lc
};

// The setting `pads`: rules, separated by semicolons, each
//
//   PATTERN: WORD=VALUE WORD=VALUE ...
//
// with a pattern of reader_choice.h and the words of README.md. Of the rules that fit a reader's
// name the first counts, alone. Immutable.
class PadRules {
 public:
  PadRules() = default;
  // INVALID_ARGUMENT names the setting, the rule, the word and what was expected.
  static absl::StatusOr<PadRules> Parse(const std::string& text);

  // The rule of a reader; one that says nothing where none fits.
  PadRule Of(const std::string& reader) const;

 private:
  std::vector<std::pair<std::string, PadRule>> rules_;
};

}  // namespace madoguchi::pcsc

#endif  // MADOGUCHI_READERS_PCSC_PAD_RULES_H_
