#ifndef MADOGUCHI_SDK_SCREEN_DEVICE_FILE_H_
#define MADOGUCHI_SDK_SCREEN_DEVICE_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sdk/screen/device.pb.h"

// The device file (device.proto) on disk.
namespace madoguchi::screen {

using v1::DeviceFile;

// A device file has at most this many bytes.
inline constexpr size_t kLargestDeviceFile = 64 * 1024;

// `text` is protobuf text. INVALID_ARGUMENT says "FILE:LINE:COLUMN: " (both from 1) and what was
// expected there; `file` is only used for that. Every field but the address must be there and be
// what it says: PEM that OpenSSL reads, a role, a name of the form that AddDevice takes.
absl::StatusOr<DeviceFile> ParseDeviceFile(const std::string& text, const std::string& file);

// Reads `path`. NOT_FOUND when there is none, PERMISSION_DENIED when it may not be read or when
// others than its owner may read it, INVALID_ARGUMENT as above. Messages are whole sentences.
absl::StatusOr<DeviceFile> ReadDeviceFile(const std::string& path);

// Writes `path` with mode 0600, whole or not at all. An existing file is never overwritten:
// ALREADY_EXISTS. Any other failure names the path and the cause.
absl::Status WriteDeviceFile(const std::string& path, const DeviceFile& device);

}  // namespace madoguchi::screen

#endif  // MADOGUCHI_SDK_SCREEN_DEVICE_FILE_H_
