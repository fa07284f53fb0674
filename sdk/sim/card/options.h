#ifndef MADOGUCHI_SDK_SIM_CARD_OPTIONS_H_
#define MADOGUCHI_SDK_SIM_CARD_OPTIONS_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "sdk/sim/card/apdu.h"
#include "sdk/sim/card/faults.h"
#include "sdk/sim/card/folder.h"

namespace madoguchi::sim {

// The command line of madoguchi-card.
struct Options {
  uint16_t port = 0;        // 0: not given.
  std::string socket_path;  // Empty: not given.
  Folder::Options folder;
  Bytes pin;       // Empty: not given. To be wiped by whoever takes the options.
  Bytes password;  // The same.
  std::chrono::milliseconds latency{0};
  Faults faults;
  std::string trace_path;
  bool trace_pins = false;
  std::string control_path;
  Bytes atr;
  bool make_only = false;
  bool help = false;
};

// InvalidArgument names the option and what was expected. PINs are wiped from argv, so that they
// stand in no list of processes for longer than the start takes.
absl::StatusOr<Options> ParseOptions(int argc, char** argv);

extern const char kUsage[];

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_OPTIONS_H_
