#ifndef MADOGUCHI_SDK_LAUNCH_JAIL_CELL_H_
#define MADOGUCHI_SDK_LAUNCH_JAIL_CELL_H_

#include <sys/types.h>

namespace madoguchi::jail {

// What the launcher was told about one plugin, and the steps that it takes. The launcher links
// libseccomp and libc only: no C++ library, so that it is on its way in under a millisecond.

// Exit status of a launcher that did not come to execute the plugin. Its reason is the last line of
// the log and begins with "jail: ".
constexpr int kRefused = 126;
constexpr int kMostPaths = 16;

// One for each --option; jail.h says what they mean. The strings are argv's.
struct Cell {
  const char* name = nullptr;
  int program_fd = -1;
  int notice_fd = -1;
  int group_fd = -1;
  pid_t host_pid = 0;
  long memory_mib = 512;  // 0: no limit
  long descriptors = 256;
  long threads = 256;
  bool pin_lane = false;
  bool pcscd = false, usb = false, bluetooth = false, network = false, sockets = false;
  bool serial = false;
  const char* device[kMostPaths] = {};
  int devices = 0;
  const char* sockets_folder = nullptr;
  // Path sockets that it may reach.
  const char* socket[kMostPaths] = {};
  int sockets_to_reach = 0;
  const char* read[kMostPaths] = {};
  int reads = 0;
  bool without_capabilities = false, without_limits = false, without_landlock = false;
  bool without_seccomp = false, without_room = false;

  constexpr bool MayMakeUnixSockets() const {
    return pcscd || bluetooth || sockets || sockets_to_reach > 0;
  }
  constexpr bool MayOpenDevices() const { return usb || serial; }
};

// Writes "jail: ", the sentence and, with `error`, what errno means; ends the process.
[[noreturn]] void Refuse(const char* sentence, const char* object = nullptr, int error = 0);
// Writes "jail: " and the sentence to the log.
void Note(const char* sentence);

// Each step refuses when the kernel has the layer and the step fails.

// Into the control group that was opened for it, so that all that follows is counted there.
void EnterGroup(int group_fd);
// Leaves fd 0 to 3 (and 4) open and moves the program's, and that of the notices, to the first
// numbers that the limit of descriptors makes impossible for the plugin. Returns the program's.
int MoveDescriptors(Cell& cell);
// Gives the plugin a file system of its own with nothing in it but what it may touch, and, unless
// it has network or usb, a network of its own with nothing in it. Landlock stops neither connect()
// to a path nor a look at what is there.
enum class Room { kNone, kSameUsers, kOwnUsers };
Room EnterRoom(const Cell& cell);
void DropCapabilities();
void SetLimits(const Cell& cell, Room room);
void RestrictFiles(const Cell& cell);
// `program_fd` is the only descriptor that may be executed.
void FilterCalls(const Cell& cell, int program_fd);

}  // namespace madoguchi::jail

#endif  // MADOGUCHI_SDK_LAUNCH_JAIL_CELL_H_
