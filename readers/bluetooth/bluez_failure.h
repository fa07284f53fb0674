#ifndef MADOGUCHI_READERS_BLUETOOTH_BLUEZ_FAILURE_H_
#define MADOGUCHI_READERS_BLUETOOTH_BLUEZ_FAILURE_H_

#include <string>

#include "readers/bluetooth/bluez.h"
#include "sdk/failure/failure.h"

namespace madoguchi::bluetooth {

// The one table from BlueZ's errors to the catalogue, by what was tried. Errors that it does not
// have are READER_OUT_OF_RANGE: what most often fails is the radio. `what` goes into the detail.
absl::Status BluezFailure(const std::string& what, const CallError& error);

// Whether the reader wants to be paired before it lets this be done.
bool WantsPairing(const CallError& error);

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_BLUEZ_FAILURE_H_
