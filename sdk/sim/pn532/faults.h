#ifndef MADOGUCHI_SDK_SIM_PN532_FAULTS_H_
#define MADOGUCHI_SDK_SIM_PN532_FAULTS_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sdk/sim/pn532/frame.h"

namespace madoguchi::pn532 {

// One thing that goes wrong. README.md has the table.
struct Fault {
  enum class Name {
    kDrop,       // the frame is lost on the way to the chip: no ACK, nothing
    kHang,       // an ACK, and no answer
    kLate,       // the answer comes before the next command's ACK
    kCorrupt,    // the answer's checksum is wrong
    kStatus,     // the answer is the status byte `number`
    kStray,      // `bytes` come before the answer
    kLatency,    // `number` milliseconds more before each answer of the card
    kDead,       // no frame is taken any more
    kFieldLost,  // the card is out of the field
    kUnplug,     // the serial device disappears; comes back after `number` ms, if not 0
  };
  Name name;
  uint64_t number = 0;
  Bytes bytes = {};
  // The number of the APDU with which it happens, from 1 since the card came. Without: with the
  // next one; kLatency, kDead, kFieldLost and kUnplug at once.
  std::optional<uint64_t> at = {};

  // Whether it happens to one APDU and is over then.
  bool OfOneApdu() const { return name < Name::kLatency; }
};

// NAME[=VALUE][@NUMBER]. INVALID_ARGUMENT says what was expected.
absl::StatusOr<Fault> ParseFault(std::string_view text);

// What is to go wrong. Not thread-safe.
class Faults {
 public:
  void Add(Fault fault) { waiting_.push_back(std::move(fault)); }
  void Clear() { waiting_.clear(); }
  // Takes those that happen with APDU number `apdu`.
  std::vector<Fault> TakeAt(uint64_t apdu);
  // Takes those that happen at once.
  std::vector<Fault> TakeNow();

 private:
  template <typename Due>
  std::vector<Fault> Take(Due due);

  std::vector<Fault> waiting_;
};

}  // namespace madoguchi::pn532

#endif  // MADOGUCHI_SDK_SIM_PN532_FAULTS_H_
