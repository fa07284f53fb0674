#ifndef MADOGUCHI_SDK_LAUNCH_IMAGE_H_
#define MADOGUCHI_SDK_LAUNCH_IMAGE_H_

#include <string>

#include "absl/status/statusor.h"
#include "sdk/launch/manifest.h"
#include "sdk/launch/process.h"

namespace madoguchi {

// A plugin's bytes, read once: what was hashed is what runs, whatever becomes of its folder.
struct PluginImage {
  PluginFolder folder;
  // SHA-256 over "madoguchi plugin v1", then the manifest's and the program's bytes, each after its
  // length (8 bytes, big endian); 64 lower-case hexadecimal digits.
  std::string digest;
  Fd program;  // a memfd, sealed: its bytes cannot change any more
};

// Reads FOLDER. The errors of ReadPluginFolder; INVALID_ARGUMENT also when the program is no ELF
// file (a script's interpreter would be what runs, and nobody approved that) or is larger than
// 256 MiB.
absl::StatusOr<PluginImage> ReadPluginImage(const std::string& folder);

// The bytes of the file at `path` in a sealed memfd called `name`. UNAVAILABLE when they cannot be
// read, INVALID_ARGUMENT when it is no file or larger than 256 MiB.
absl::StatusOr<Fd> SealedCopy(const std::string& path, const std::string& name);

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_LAUNCH_IMAGE_H_
