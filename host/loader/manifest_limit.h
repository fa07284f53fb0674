#ifndef MADOGUCHI_HOST_LOADER_MANIFEST_LIMIT_H_
#define MADOGUCHI_HOST_LOADER_MANIFEST_LIMIT_H_

#include <string>

#include "sdk/textproto/textproto.h"

namespace madoguchi {

inline constexpr size_t kLargestManifest = 64 << 10;

// Whether the manifest in `folder` can be read and is no larger than that; to be asked before it is
// parsed, which takes a multiple of its size in memory, and its time. The errors of ReadFile.
inline absl::Status CheckManifestSize(const std::string& folder) {
  return ReadFile(folder + "/plugin.textproto", kLargestManifest).status();
}

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_LOADER_MANIFEST_LIMIT_H_
