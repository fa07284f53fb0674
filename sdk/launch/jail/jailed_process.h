#ifndef MADOGUCHI_SDK_LAUNCH_JAIL_JAILED_PROCESS_H_
#define MADOGUCHI_SDK_LAUNCH_JAIL_JAILED_PROCESS_H_

#include <sys/types.h>
#include <unistd.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sdk/launch/denied_calls.h"
#include "sdk/launch/jail/jail.h"
#include "sdk/launch/process.h"

namespace madoguchi {

// A program in the jail, for tests: spawned as the host does it. One thread uses it.
class JailedProcess {
 public:
  // A sealed copy of the file's bytes in memory, or -1.
  static int SealedCopy(const std::string& path);

  // `launcher` executes the bytes of `program_fd`, which stays the caller's. An empty `launcher`:
  // no jail, for comparison. The launcher finds fd 4 open in any case, and is to close it. With
  // `jail.notices` somebody listens, as in a host.
  static absl::StatusOr<std::unique_ptr<JailedProcess>> Spawn(const std::string& launcher,
                                                              const Jail& jail, int program_fd,
                                                              pid_t host_pid = getpid());
  // Ends it, by force when it is still there.
  ~JailedProcess();
  JailedProcess(const JailedProcess&) = delete;
  JailedProcess& operator=(const JailedProcess&) = delete;

  // What was told of it; whole after Wait.
  std::vector<std::string> told();

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
  std::mutex mutex_;
  std::vector<std::string> told_;  // by `mutex_`
  std::unique_ptr<DeniedCalls> denied_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_LAUNCH_JAIL_JAILED_PROCESS_H_
