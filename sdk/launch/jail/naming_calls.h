#ifndef MADOGUCHI_SDK_LAUNCH_JAIL_NAMING_CALLS_H_
#define MADOGUCHI_SDK_LAUNCH_JAIL_NAMING_CALLS_H_

#include <fcntl.h>
#include <stdint.h>

#include "sdk/launch/jail/cell.h"

// The system calls that name a file or a path socket, and those that are answered as if there were
// none such, as launcher and host both need them: the launcher's filter hands each to the host,
// where somebody listens (denied_calls.h), and the host tells of the names that are outside of the
// jail.
namespace madoguchi::jail {

// What a call wants of the file that it names.
enum class Wish { kSee, kRead, kWrite, kConnect };

// In which jails seccomp lets a call through. What it may then do is the room's and Landlock's.
enum class LetThrough {
  kEach,
  kOpens,       // for reading in each, for writing in those with devices
  kConnecting,  // with a permission that has sockets
  kBinding,
  kPcscd,
  kSockets,
  kNone,
  kNotThere,  // in none; ENOSYS, because there is an older way that libraries then take
};

struct NamingCall {
  const char* name;
  // Numbers of arguments: the folder's descriptor that a relative path begins at, the path (of
  // connect and bind the address), the flags; -1 where the call has none, or not in a register.
  int folder;
  int path;
  int flags;
  Wish wish;
  LetThrough let;
};

constexpr NamingCall kNamingCalls[] = {
    {"open", -1, 0, 1, Wish::kRead, LetThrough::kOpens},
    {"openat", 0, 1, 2, Wish::kRead, LetThrough::kOpens},
    {"readlink", -1, 0, -1, Wish::kRead, LetThrough::kEach},
    {"readlinkat", 0, 1, -1, Wish::kRead, LetThrough::kEach},
    {"stat", -1, 0, -1, Wish::kSee, LetThrough::kEach},
    {"lstat", -1, 0, -1, Wish::kSee, LetThrough::kEach},
    {"newfstatat", 0, 1, 3, Wish::kSee, LetThrough::kEach},
    {"statx", 0, 1, 2, Wish::kSee, LetThrough::kEach},
    {"statfs", -1, 0, -1, Wish::kSee, LetThrough::kEach},
    {"access", -1, 0, -1, Wish::kSee, LetThrough::kEach},
    {"faccessat", 0, 1, -1, Wish::kSee, LetThrough::kEach},
    {"faccessat2", 0, 1, -1, Wish::kSee, LetThrough::kEach},
    {"chdir", -1, 0, -1, Wish::kSee, LetThrough::kEach},
    {"inotify_add_watch", -1, 1, -1, Wish::kSee, LetThrough::kPcscd},
    {"connect", -1, 1, -1, Wish::kConnect, LetThrough::kConnecting},
    {"bind", -1, 1, -1, Wish::kWrite, LetThrough::kBinding},
    {"mkdir", -1, 0, -1, Wish::kWrite, LetThrough::kSockets},
    {"mkdirat", 0, 1, -1, Wish::kWrite, LetThrough::kSockets},
    {"unlink", -1, 0, -1, Wish::kWrite, LetThrough::kSockets},
    {"unlinkat", 0, 1, -1, Wish::kWrite, LetThrough::kSockets},
    {"creat", -1, 0, -1, Wish::kWrite, LetThrough::kNone},
    {"truncate", -1, 0, -1, Wish::kWrite, LetThrough::kNone},
    {"rename", -1, 0, -1, Wish::kWrite, LetThrough::kNone},
    {"renameat", 0, 1, -1, Wish::kWrite, LetThrough::kNone},
    {"renameat2", 0, 1, -1, Wish::kWrite, LetThrough::kNone},
    {"rmdir", -1, 0, -1, Wish::kWrite, LetThrough::kNone},
    {"link", -1, 0, -1, Wish::kWrite, LetThrough::kNone},
    {"linkat", 0, 1, -1, Wish::kWrite, LetThrough::kNone},
    {"symlink", -1, 1, -1, Wish::kWrite, LetThrough::kNone},
    {"symlinkat", 1, 2, -1, Wish::kWrite, LetThrough::kNone},
    {"mknod", -1, 0, -1, Wish::kWrite, LetThrough::kNone},
    {"mknodat", 0, 1, -1, Wish::kWrite, LetThrough::kNone},
    {"chmod", -1, 0, -1, Wish::kWrite, LetThrough::kNone},
    {"fchmodat", 0, 1, -1, Wish::kWrite, LetThrough::kNone},
    {"chown", -1, 0, -1, Wish::kWrite, LetThrough::kNone},
    {"fchownat", 0, 1, -1, Wish::kWrite, LetThrough::kNone},
    {"setxattr", -1, 0, -1, Wish::kWrite, LetThrough::kNone},
    {"utimensat", 0, 1, -1, Wish::kWrite, LetThrough::kNone},
    {"getxattr", -1, 0, -1, Wish::kRead, LetThrough::kNone},
    {"name_to_handle_at", 0, 1, -1, Wish::kSee, LetThrough::kNone},
    {"execve", -1, 0, -1, Wish::kRead, LetThrough::kNone},
    {"execveat", 0, 1, -1, Wish::kRead, LetThrough::kNone},
    {"chroot", -1, 0, -1, Wish::kSee, LetThrough::kNone},
    {"mount", -1, 1, -1, Wish::kWrite, LetThrough::kNone},
    {"openat2", 0, 1, -1, Wish::kRead, LetThrough::kNotThere},
    {"clone3", -1, -1, -1, Wish::kSee, LetThrough::kNotThere},
    {"io_uring_setup", -1, -1, -1, Wish::kSee, LetThrough::kNotThere},
};

// The flags of an open that would change anything.
constexpr unsigned kWrites = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);

// Whether it is for writing that this call, an open, opens.
constexpr bool OpensForWriting(uint64_t flags) { return (flags & kWrites) != O_RDONLY; }

// Whether seccomp lets this call, with these flags, through in the jail of `cell`. The one rule for
// both: the launcher's filter where nobody listens, and the listener's answer where one does.
constexpr bool IsLetThrough(const Cell& cell, LetThrough let, uint64_t flags) {
  switch (let) {
    case LetThrough::kEach:
      return true;
    case LetThrough::kOpens:
      return cell.MayOpenDevices() || !OpensForWriting(flags);
    case LetThrough::kConnecting:
      return cell.MayMakeUnixSockets() || cell.network;
    case LetThrough::kBinding:
      return cell.usb || cell.network || cell.sockets;
    case LetThrough::kPcscd:
      return cell.pcscd;
    case LetThrough::kSockets:
      return cell.sockets;
    case LetThrough::kNone:
    case LetThrough::kNotThere:
      return false;
  }
  return false;
}

}  // namespace madoguchi::jail

#endif  // MADOGUCHI_SDK_LAUNCH_JAIL_NAMING_CALLS_H_
