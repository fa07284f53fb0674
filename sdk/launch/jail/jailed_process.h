#ifndef MADOGUCHI_SDK_LAUNCH_JAIL_JAILED_PROCESS_H_
#define MADOGUCHI_SDK_LAUNCH_JAIL_JAILED_PROCESS_H_

#include <sys/types.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "sdk/launch/jail/jail.h"
#include "sdk/launch/process.h"

namespace madoguchi {

// A program in the jail, for tests: spawned as the host does it. One thread uses it.
class JailedProcess {
 public:
  // A sealed copy of the file's bytes in memory, or -1.
  static int SealedCopy(const std::string& path);

  // `launcher` executes the bytes of `program_fd`, which stays the caller's. An empty `launcher`:
  // no jail, for comparison. The launcher finds fd 4 open in any case, and is to close it.
  static absl::StatusOr<std::unique_ptr<JailedProcess>> Spawn(const std::string& launcher,
                                                              const Jail& jail, int program_fd,
                                                              pid_t host_pid = getpid());
  // Ends it, by force when it is still there.
  ~JailedProcess();
  JailedProcess(const JailedProcess&) = delete;
  JailedProcess& operator=(const JailedProcess&) = delete;

  pid_t pid() const { return spawned_.pid; }
  // The other end of fd 3; the caller's from then on.
  int TakeService();
  // Waits for the first bytes of its log, and drops them; false when it ended without any.
  bool AwaitLog();
  // Waits until its log is at its end and the process too. The exit status, or 128 + the signal.
  int Wait(std::string* log);

 private:
  JailedProcess() = default;
  Spawned spawned_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_LAUNCH_JAIL_JAILED_PROCESS_H_
