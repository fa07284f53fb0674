#ifndef MADOGUCHI_SDK_LAUNCH_PROCESS_H_
#define MADOGUCHI_SDK_LAUNCH_PROCESS_H_

#include <spawn.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace madoguchi {

// A file descriptor that is closed with its owner. Movable.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.Release()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { Reset(); }
  int get() const { return fd_; }
  int Release();
  void Reset();

 private:
  int fd_ = -1;
};

// A process just spawned; its end is the caller's to wait for.
struct Child {
  pid_t pid = -1;
  Fd pid_fd;  // readable when it has ended
};

// Runs `arguments` (the first is the path) with the descriptors that `actions` make, an empty
// environment, no signal blocked or handled, in a process group of its own.
absl::StatusOr<Child> SpawnChild(const std::vector<std::string>& arguments,
                                 const posix_spawn_file_actions_t& actions);

// Where the launcher of a plugin says what tells of its calls (denied_calls.h), and of which
// process that is taken.
struct Notices {
  Fd socket;  // the other end of the launcher's kNoticeFd
  Fd pid_fd;
};

// A plugin's process as it was spawned. What the host holds of it:
struct Spawned {
  pid_t pid = -1;
  Fd pid_fd;        // readable when the process has ended
  Fd service;       // the other end of its fd 3, SOCK_STREAM, non-blocking
  Fd pin;           // the other end of its fd 4, SOCK_SEQPACKET; readers only
  Fd log;           // what it writes to fd 1 and 2
  Notices notices;  // with `notices` only
};

// The descriptor on which the launcher finds the program.
constexpr int kProgramFd = 5;
// And the one over which it says what tells of the system calls that it denies.
constexpr int kNoticeFd = 6;
// And the door of its control group (control_groups.h), which it enters before anything else.
constexpr int kGroupFd = 7;

// Runs `launch` (the launcher's path and arguments; see jail/jail.h) with an empty environment, in
// a process group of its own (so that Ctrl-C at the host's terminal is the host's to handle), with
// nothing open but fd 0 (/dev/null), 1, 2 (the log), 3, with `pin_lane` 4, and kProgramFd, a
// duplicate of `program`; with a `program` of -1 that is missing, as a program that is run without
// the launcher wants it; with `notices` also kNoticeFd; with a `group` (ControlGroup::entrance)
// that is not -1, kGroupFd, a duplicate of it. The launcher's process dies with the thread that
// called.
absl::StatusOr<Spawned> Spawn(const std::vector<std::string>& launch, int program, bool pin_lane,
                              bool notices = false, int group = -1);

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_LAUNCH_PROCESS_H_
