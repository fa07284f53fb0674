#ifndef MADOGUCHI_SDK_TOOLS_RECORD_REPLACEMENT_H_
#define MADOGUCHI_SDK_TOOLS_RECORD_REPLACEMENT_H_

#include <chrono>
#include <cstdint>

#include "absl/status/statusor.h"
#include "sdk/recording/recording.pb.h"
#include "sdk/tools/record/taken.h"

namespace madoguchi::record {

// The recording of what was taken, with keys of its own; that of the CA is thrown away. INTERNAL,
// and no recording, when something of the card's own is found in it all the same.
absl::StatusOr<recording::v1::Recording> Replace(const Taken& taken, uint16_t number,
                                                 std::chrono::system_clock::time_point now);

}  // namespace madoguchi::record

#endif  // MADOGUCHI_SDK_TOOLS_RECORD_REPLACEMENT_H_
