#ifndef MADOGUCHI_SDK_LAUNCH_CONTROL_GROUPS_H_
#define MADOGUCHI_SDK_LAUNCH_CONTROL_GROUPS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "sdk/launch/process.h"

// What a plugin takes of memory and threads, counted and limited by the kernel's control groups,
// version 2 (cgroups(7), Documentation/admin-guide/cgroup-v2.rst). Unlike RLIMIT_DATA they count
// what is used and not what is reserved, and buffers of sockets and pipes with it.
namespace madoguchi {

// The group of one life of a plugin. One thread uses it.
class ControlGroup {
 public:
  explicit ControlGroup(std::string folder, Fd entrance)
      : folder_(std::move(folder)), entrance_(std::move(entrance)) {}
  // Kills what is left in it, and removes it.
  ~ControlGroup();
  ControlGroup(const ControlGroup&) = delete;
  ControlGroup& operator=(const ControlGroup&) = delete;

  // For Spawn: who writes "0" to it enters.
  int entrance() const { return entrance_.get(); }
  // Whether the kernel has killed in it because its memory was used up.
  bool RanOutOfMemory() const;

 private:
  const std::string folder_;
  const Fd entrance_;
};

// A host's own part of the tree of groups: `host` for itself, because a group that has groups holds
// no processes, and `plugin-NAME-N` for each life of a plugin. Thread-safe.
class ControlGroups {
 public:
  // The files in which the kernel says where this process is and what is mounted; tests have
  // others.
  struct System {
    std::string membership = "/proc/self/cgroup";
    std::string mounts = "/proc/self/mountinfo";
    std::string systemd = "/run/systemd/system";
  };
  static System ThisSystem() { return {}; }

  // Takes over the group in which this process runs, and removes what a host that was killed left
  // in it. It has to be delegated to the host: writable, with the controller memory, and with no
  // other process in it; where systemd is, by `Delegate=memory pids` of the host's service, whether
  // or not the host is root. Otherwise UNAVAILABLE, with what is missing in a sentence, and nothing
  // is changed. To be called once, before there are children.
  static absl::StatusOr<std::unique_ptr<ControlGroups>> TakeOver(
      const System& system = ThisSystem());

  // A group for a life of the plugin `name`, which gets at most `memory_mib` MiB (0: no limit), no
  // swap, and `threads` threads. All of it is killed together when it wants more memory.
  absl::StatusOr<std::unique_ptr<ControlGroup>> Make(const std::string& name, int memory_mib,
                                                     int threads) const;

 private:
  explicit ControlGroups(std::string folder) : folder_(std::move(folder)) {}

  const std::string folder_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_LAUNCH_CONTROL_GROUPS_H_
