#ifndef MADOGUCHI_SDK_LAUNCH_MANIFEST_H_
#define MADOGUCHI_SDK_LAUNCH_MANIFEST_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "madoguchi/plugin/v1/plugin.pb.h"

namespace madoguchi {

// A plugin's folder, read and found in order.
struct PluginFolder {
  std::string path;
  std::string binary;         // path of the file to run
  std::string manifest_text;  // plugin.textproto as it was read, once
  plugin::v1::Manifest manifest;
};

// Reads FOLDER/plugin.textproto. INVALID_ARGUMENT or NOT_FOUND with file, line (where there is one)
// and what was expected. What a setting may open of this machine is the administrator's to say: a
// default for a file, a socket, a folder of sockets, a device or a bus is refused, and all of these
// but a file to a policy. A manifest has at most 64 KiB.
absl::StatusOr<PluginFolder> ReadPluginFolder(const std::string& folder);

// One setting as the host's configuration has it; `place` ("FILE:LINE:COL") is for errors.
struct ConfiguredSetting {
  std::string value;
  std::string place;
};

// A plugin's part of the configuration.
struct ConfiguredPlugin {
  std::string place;
  std::map<std::string, ConfiguredSetting> setting;
};

// What Start delivers: every declared setting with its configured value or its default; of a
// TYPE_FILE setting the file's bytes; relative paths against `base`; of a TYPE_BUS setting nothing
// (FillInBus does). INVALID_ARGUMENT names the place, the plugin, the setting and what was
// expected: a setting that was not declared, a value of another type, a required one that is
// missing, and a folder of sockets that is or holds one of `own`, the folders of the host itself,
// which the jail would open to the plugin. Links are followed.
absl::StatusOr<plugin::v1::StartRequest> Settle(const plugin::v1::Manifest& manifest,
                                                const ConfiguredPlugin& configured,
                                                const std::string& base,
                                                const std::vector<std::string>& own = {});

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_LAUNCH_MANIFEST_H_
