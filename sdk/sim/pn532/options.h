#ifndef MADOGUCHI_SDK_SIM_PN532_OPTIONS_H_
#define MADOGUCHI_SDK_SIM_PN532_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sdk/sim/pn532/faults.h"

namespace madoguchi::pn532 {

// The command line of madoguchi-pn532.
struct Options {
  std::string link;
  std::string slot;              // empty: no card's socket
  std::optional<uint16_t> port;  // of 127.0.0.1
  std::string control;           // empty: none
  uint64_t baud = 0;
  uint32_t seed = 0;
  std::vector<Fault> faults;
  std::string trace;  // empty: none
  bool unplugged = false;
  bool help = false;
};

// INVALID_ARGUMENT names the option and what was expected.
absl::StatusOr<Options> ParseOptions(int argc, char** argv);

extern const char kUsage[];

}  // namespace madoguchi::pn532

#endif  // MADOGUCHI_SDK_SIM_PN532_OPTIONS_H_
