#ifndef MADOGUCHI_SDK_SIM_BLUEZ_READER_OPTIONS_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_READER_OPTIONS_H_

#include <string>

#include "sdk/sim/bluez/options.h"

namespace madoguchi::bluez {

// Reads KIND[,NAME=VALUE]...; what is not said follows from the kind and `number`, which counts the
// readers from 1.
absl::StatusOr<ReaderOptions> ParseReader(const std::string& text, int number);

// Reads [ID:]NAME[=VALUE]: a fault of one reader, of all of them, or of the adapter.
absl::Status ParseFault(const std::string& text, Options& options);

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_READER_OPTIONS_H_
