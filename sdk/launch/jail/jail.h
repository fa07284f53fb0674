#ifndef MADOGUCHI_SDK_LAUNCH_JAIL_JAIL_H_
#define MADOGUCHI_SDK_LAUNCH_JAIL_JAIL_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "madoguchi/plugin/v1/plugin.pb.h"

namespace madoguchi {

// What a plugin may touch outside itself: nothing, unless its manifest asked and an admin agreed.
// README.md says what each opens.
struct Permissions {
  bool pcscd = false;
  bool usb = false;
  bool bluetooth = false;
  bool network = false;
  // To make path sockets and listen on them, in one folder (Jail::sockets_folder).
  bool sockets = false;
  // The absolute path of the one serial device; empty: none.
  std::string serial;
  // The serial devices that the settings name (Jail::serial_devices).
  bool serial_of_settings = false;
};

// Of the manifest's (or the lock's) strings: pcscd, usb, bluetooth, network, sockets, serial and
// serial:/dev/NAME, each at most once. INVALID_ARGUMENT for any other, in a sentence that names
// what was expected.
absl::StatusOr<Permissions> ParsePermissions(const std::vector<std::string>& asked);

// OK when a plugin of this kind may ask for these: a policy for nothing, an authority for network,
// a reader for all but network. INVALID_ARGUMENT with a sentence otherwise.
absl::Status PermissionsFitKind(const Permissions& permissions, plugin::v1::Kind kind);

// Where every plugin with pcscd may connect to.
inline constexpr char kPcscdSocket[] = "/run/pcscd/pcscd.comm";

// How one plugin is jailed.
struct Jail {
  std::string name;  // the plugin's; its argv[0]
  Permissions permissions;
  bool pin_lane = false;  // readers: fd 4 stays open
  // Absolute paths of the sockets that it may connect to, besides pcscd's usual one: pcscd's where
  // it is another, the D-Bus proxy's of a plugin with bluetooth, the server's of an authority on
  // this machine. All sockets in their folders can be reached: give each a folder of its own.
  std::vector<std::string> sockets;
  // With the permission sockets: the folder, which must be there.
  std::string sockets_folder;
  // With the permission serial: absolute paths of devices, at most 16. Links are followed when the
  // jail is made.
  std::vector<std::string> serial_devices;
  // Private memory that is written to, in MiB, threads' stacks included (8 MiB each, as soon as the
  // thread is there). 0: no limit, which only the tests under a sanitizer want.
  int memory_mib = 512;
  int descriptors = 256;
  int threads = 256;  // where there is something to count them
  // Whether the launcher hands out what tells of the system calls that it denies (denied_calls.h),
  // over the descriptor that follows the program's.
  bool notices = false;
  // Whether the launcher is to enter the control group at kGroupFd (process.h), which then holds
  // its memory and threads.
  bool grouped = false;
  // Only for tests and for authors at their own desk, never in a host: folders and files that may
  // be read too, and layers that are left out (room, capabilities, limits, landlock, seccomp).
  std::vector<std::string> read;
  std::vector<std::string> without;
};

// The argv for madoguchi-jail, whose path is `launcher`. The host spawns it with the plugin's
// descriptors in place (0 /dev/null, 1 and 2 the log, 3 the service, 4 the PIN lane), an empty
// environment, and `program_fd`, 5 or above: the sealed bytes to execute. The launcher ends with
// kRefusedByJail, and a last line in the log that begins with "jail: ", when it did not execute
// them. `host_pid`: it refuses when its parent is another; 0 leaves that out. The plugin is killed
// when the thread that spawned the launcher ends.
std::vector<std::string> LauncherArguments(const std::string& launcher, const Jail& jail,
                                           int program_fd, pid_t host_pid);
constexpr int kRefusedByJail = 126;

// What the jail of a plugin was built around and may change while it runs: the folders of its
// sockets, its serial device, the addresses of the name servers. The jail is about the files as
// they were, not their names: when this text is another than at the plugin's start, start it again
// (a device was plugged in, pcscd was installed). Takes some 10 microseconds.
std::string Surroundings(const Jail& jail);

// One layer of the jail as this kernel has it.
struct Layer {
  std::string name;  // no_new_privs, rlimits, room, landlock, seccomp
  bool there = false;
  // What is there, or what a plugin can therefore do; a sentence for the admin's list.
  std::string sentence;
};

// All layers; asks the kernel each time, changes nothing, and may be called from any thread.
std::vector<Layer> Layers();
// The same for a kernel with this Landlock ABI (0: none), with or without seccomp filters and
// namespaces for this user.
std::vector<Layer> LayersOf(int landlock_abi, bool seccomp, bool namespaces);

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_LAUNCH_JAIL_JAIL_H_
