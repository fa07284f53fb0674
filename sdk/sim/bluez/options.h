#ifndef MADOGUCHI_SDK_SIM_BLUEZ_OPTIONS_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_OPTIONS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sdk/sim/bluez/characteristic.h"
#include "sdk/sim/bluez/faults.h"
#include "sdk/sim/bluez/peripheral.h"

namespace madoguchi::bluez {

// One --reader.
struct ReaderOptions {
  enum class Kind { kAcr1255, kBr301, kSpringCore };
  Kind kind = Kind::kAcr1255;
  Peripheral::Identity identity;
  std::string card_path;         // empty: not given
  std::optional<uint16_t> port;  // 0: a free one
  std::optional<Bytes> key;
  uint8_t battery = 100;
  Faults faults;
};

// The command line of madoguchi-bluez.
struct Options {
  std::string bus;  // an address
  std::vector<ReaderOptions> readers;
  uint32_t decoys = 2;
  Timing timing;
  std::chrono::milliseconds card_patience{5000};
  bool adapter_absent = false, adapter_off = false, adapter_blocked = false;
  std::string control_path;
  bool help = false;
};

// InvalidArgument names the option and what was expected.
absl::StatusOr<Options> ParseOptions(int argc, char** argv);

extern const char kUsage[];

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_OPTIONS_H_
