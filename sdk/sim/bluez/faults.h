#ifndef MADOGUCHI_SDK_SIM_BLUEZ_FAULTS_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_FAULTS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "sdk/sim/bluez/value.h"

namespace madoguchi::bluez {

// What is wrong with one emulated reader; README.md tells the names. Numbers count from 1, 0 is
// never. Frames, answers and APDUs are counted anew in each connection.
struct Faults {
  // The reader's firmware.
  bool wrong_proof = false;            // wrong-proof
  bool refuse_authentication = false;  // refuse-authentication
  std::optional<Bytes> other_key;      // other-key[=32 hex digits]
  uint32_t flip_every = 0;             // flip-every=n
  uint32_t drop_at = 0;                // drop-at=n
  uint32_t drop_at_apdu = 0;           // drop-at-apdu=n
  uint32_t silent_from = 0;            // silent-from=n
  std::chrono::milliseconds slow{0};   // slow=ms
  size_t chained = 0;                  // chained=n
  // Its radio, and what it says there.
  uint32_t fail_connects = 0;           // fail-connects=n; counts down
  bool never_found = false;             // never-found
  bool no_uuid = false;                 // no-uuid
  bool pairing = false;                 // pairing
  size_t mtu = 23;                      // mtu=n, 23..517; at the next connection
  bool write_without_response = false;  // write-without-response
  // What bluetoothd makes of it.
  bool remove_gatt = false;      // remove-gatt
  bool battery_claimed = false;  // battery-claimed
};

// Reads NAME or NAME=VALUE. InvalidArgument says what was expected.
absl::Status AddFault(const std::string& text, Faults& faults);

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_FAULTS_H_
