#ifndef MADOGUCHI_HOST_CONFIG_H_
#define MADOGUCHI_HOST_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/check/check.h"
#include "host/config.pb.h"
#include "sdk/textproto/textproto.h"

namespace madoguchi {

// Reads and checks the host's configuration; paths come back absolute. INVALID_ARGUMENT or
// NOT_FOUND with file, line where there is one, and what was expected. `places` is then of it.
absl::StatusOr<host::Config> ReadConfig(const std::string& path, TextPlaces* places);

// A sentence for each plugin of `config`, as ReadConfig gave it, that stands where its manifest
// says that it is of another kind, with file and line. None of them stops the host.
std::vector<std::string> MisplacedPlugins(const host::Config& config, const TextPlaces& places);

Limits LimitsOf(const host::LimitsConfig& config);

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_CONFIG_H_
