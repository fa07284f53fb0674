#ifndef MADOGUCHI_HOST_LOADER_PLUGINS_H_
#define MADOGUCHI_HOST_LOADER_PLUGINS_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "host/loader/approvals.h"
#include "host/loader/plugin_desk.h"
#include "host/loader/plugin_slot.h"
#include "host/loader/ports.h"
#include "sdk/launch/control_groups.h"
#include "sdk/launch/manifest.h"

namespace madoguchi {

// All plugins of a host: those that an admin said yes to run, the others are listed with the
// reason. Thread-safe.
class Plugins final : public PluginDesk {
 public:
  // One plugin of the configuration.
  struct Configured {
    std::string name;
    ConfiguredPlugin settings;
  };
  struct Place {
    std::string plugin_folder;
    std::string base;          // what settings' paths are relative to
    std::string state_folder;  // plugins.lock is there, and the sockets of plugins' own buses
    std::string launcher;      // path of madoguchi-jail
    // The host's control groups, or why there are none.
    absl::StatusOr<std::shared_ptr<const ControlGroups>> groups =
        absl::UnavailableError("it was not looked for one");
  };

  // Starts what may run. Lives of readers go to `readers`, which outlives this object.
  Plugins(const std::vector<Configured>& configured, Place place, PluginReaders* readers);

  Lives LivesOf(const std::string& name) const;
  // Whether the process at the host's own door is a plugin, which has no business there.
  bool TurnsAway(pid_t pid);
  // Asks all for a clean stop; the destructor waits for it.
  void RequestStop();

  // Of the plugins of the configuration alone, without a look into the plugin folder.
  std::vector<desk::v1::PluginRow> Rows() const;
  std::vector<desk::v1::PluginRow> List() const override;
  std::vector<std::string> JailLacks() const override;
  absl::StatusOr<desk::v1::InspectPluginReply> Inspect(const std::string& name) const override;
  absl::Status Approve(const desk::v1::ApprovePluginRequest& request, const std::string& who,
                       const std::string& when) override;
  absl::Status Revoke(const std::string& name) override;
  absl::Status Restart(const std::string& name) override;

 private:
  PluginPlan Prepare(const Configured& configured) const;
  // Which no plugin may have its sockets in.
  std::vector<std::string> OwnFolders() const {
    return {place_.state_folder, place_.plugin_folder, place_.base};
  }
  absl::StatusOr<PluginSlot*> Slot(const std::string& name) const;

  std::string FolderOf(const std::string& name) const;
  // Those that lie in the plugin folder, though the configuration does not name them.
  std::vector<desk::v1::PluginRow> Unused() const;

  const Place place_;
  Approvals approvals_;
  std::map<std::string, Configured> configured_;
  std::map<std::string, std::unique_ptr<PluginSlot>> slots_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_LOADER_PLUGINS_H_
