#ifndef MADOGUCHI_HOST_LOADER_PLUGIN_DESK_H_
#define MADOGUCHI_HOST_LOADER_PLUGIN_DESK_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "madoguchi/desk/v1/desk.pb.h"

namespace madoguchi {

// What an admin sees of the plugins and does with them. The errors are those that desk.proto names
// at the RPC of the same name. Thread-safe; nothing waits for a plugin.
class PluginDesk {
 public:
  virtual ~PluginDesk() = default;

  virtual std::vector<desk::v1::PluginRow> List() const = 0;
  // ListPluginsReply.jail_lacks.
  virtual std::vector<std::string> JailLacks() const = 0;
  virtual absl::StatusOr<desk::v1::InspectPluginReply> Inspect(const std::string& name) const = 0;
  // `who` (the caller) and `when` (RFC 3339, UTC) are kept with the approval.
  virtual absl::Status Approve(const desk::v1::ApprovePluginRequest& request,
                               const std::string& who, const std::string& when) = 0;
  virtual absl::Status Revoke(const std::string& name) = 0;
  virtual absl::Status Restart(const std::string& name) = 0;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_LOADER_PLUGIN_DESK_H_
