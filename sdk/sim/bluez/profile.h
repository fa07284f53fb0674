#ifndef MADOGUCHI_SDK_SIM_BLUEZ_PROFILE_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_PROFILE_H_

#include <string>
#include <vector>

#include "sdk/sim/bluez/value.h"

namespace madoguchi::bluez {

// What a characteristic is for.
enum class Pipe {
  kFixed,    // a value that never changes
  kBattery,  // the battery level
  kCommand,  // the host's frames
  kAnswer,   // the reader's frames
  kStatus,   // the reader's slot status, where that has a characteristic of its own
};

// The GATT profile of a reader: its services in the order of their handles.
struct GattCharacteristic {
  std::string uuid;                // 36 characters, lower case
  std::vector<std::string> flags;  // as org.bluez.GattCharacteristic1 names them
  Pipe pipe = Pipe::kFixed;
  Bytes value = {};

  bool Has(const std::string& flag) const {
    for (const std::string& one : flags) {
      if (one == flag) return true;
    }
    return false;
  }
  bool operator==(const GattCharacteristic&) const = default;
  bool notifies() const { return Has("notify") || Has("indicate"); }
};

struct GattService {
  std::string uuid;
  std::vector<GattCharacteristic> characteristics;
  bool operator==(const GattService&) const = default;
};

using Profile = std::vector<GattService>;

// The 128-bit form of a 16-bit UUID that the Bluetooth SIG gave out.
std::string SigUuid(const std::string& four_digits);

inline constexpr char kBatteryServiceDigits[] = "180f";

// Device Information (180a) and Battery (180f), which every reader here has.
Profile CommonServices(const std::string& maker, const std::string& model,
                       const std::string& serial, const std::string& firmware);

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_PROFILE_H_
