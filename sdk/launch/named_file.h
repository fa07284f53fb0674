#ifndef MADOGUCHI_SDK_LAUNCH_NAMED_FILE_H_
#define MADOGUCHI_SDK_LAUNCH_NAMED_FILE_H_

#include <linux/seccomp.h>

#include <optional>
#include <string>

#include "sdk/launch/jail/naming_calls.h"

namespace madoguchi {

// The entry of kNamingCalls for this system call; null when it has none. This machine's own
// architecture alone.
const jail::NamingCall* NamingCallOf(int number);

// A file as a plugin named it to the kernel.
struct NamedFile {
  // Absolute and lexically normal, in the plugin's own room, where what there is lies at the same
  // paths as outside; "@NAME" for an abstract socket.
  std::string path;
  jail::Wish wish = jail::Wish::kSee;
};

// What the thread stopped at `call`, which is an `entry` with a path, names, read from its memory,
// at most 4095 bytes (PATH_MAX). Nothing when it names nothing (an address that is not there, no
// path socket), and PERMISSION_DENIED's case, memory that this process may not read, as an empty
// path.
//
// Another thread of the plugin may change the bytes before or after: whoever asks can tell of a
// name, but must not allow or deny by it.
std::optional<NamedFile> FileNamedBy(const seccomp_notif& call, const jail::NamingCall& entry);

// Whether the thread stopped at `call`, a clone3, asks for a process and not for a thread, by what
// lies in its memory; false when that is not to be read.
bool AsksForProcess(const seccomp_notif& call);

// `path`, begun at `folder` when it is relative, without ".", ".." and doubled slashes. Links are
// not followed.
std::string Normal(const std::string& folder, const std::string& path);

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_LAUNCH_NAMED_FILE_H_
