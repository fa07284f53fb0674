#ifndef MADOGUCHI_SDK_SIM_CARD_FAULTS_H_
#define MADOGUCHI_SDK_SIM_CARD_FAULTS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/status.h"

namespace madoguchi::sim {

// Everything that can be wrong with a card, by name. APDUs are counted from 1 since the insertion;
// power and ATR messages do not count. The table of names and values is in README.md.
struct Faults {
  enum class Certificate { kGood, kExpired, kNotYetValid, kAbsent, kBlank };
  enum class Phone { kNone, kAndroid, kIphone };

  // Of the link; the card's own logic does not see these APDUs.
  std::optional<uint64_t> pulled_before;
  std::optional<uint64_t> silent_from;
  std::optional<uint64_t> garbage_from;

  // Before every answer, and before the answer to a signature on top of it.
  std::chrono::milliseconds slow{0};
  std::chrono::milliseconds slow_signature{0};

  // Of the user authentication certificate.
  Certificate certificate = Certificate::kGood;
  // Both certificates come from a second CA of the same name.
  bool unknown_ca = false;
  bool flipped_signature = false;
  Phone phone = Phone::kNone;
  // The status word that a command with a short EF identifier gets.
  std::optional<uint16_t> no_short_ef;
  bool foreign_card = false;
  // The end of a file is told by 6282 instead of 9000.
  bool eof_6282 = false;

  // Set once when the fault is given, then kept by the card like any count; nothing clears them.
  std::optional<int> tries_left;
  std::optional<int> sign_tries_left;

  // True where a card under either has the same files.
  bool SameFiles(const Faults& other) const {
    return certificate == other.certificate && unknown_ca == other.unknown_ca &&
           phone == other.phone && foreign_card == other.foreign_card;
  }
};

// Adds "name" or "name=value". InvalidArgument says what was expected.
absl::Status AddFault(std::string_view text, Faults& faults);

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_FAULTS_H_
