#ifndef MADOGUCHI_SDK_LAUNCH_DENIED_CALLS_H_
#define MADOGUCHI_SDK_LAUNCH_DENIED_CALLS_H_

#include <functional>
#include <string>
#include <thread>

#include "sdk/launch/process.h"

namespace madoguchi {

// Denies the system calls that a plugin's jail does not allow, and tells of them: the kernel stops
// the plugin's thread at such a call and asks here (seccomp_unotify(2)). Nothing is ever allowed
// here, so there is no race about arguments that change.
class DeniedCalls {
 public:
  // `notices` is Spawned::notices. `tell` is called on a thread of this object with the call's name
  // ("ptrace"), at most kMostTold times; after that the plugin gets ENOSYS from the kernel itself,
  // so that one that tries without end costs its host nothing.
  DeniedCalls(Fd notices, std::function<void(const std::string&)> tell);
  // Ends the telling. What still runs of the plugin gets ENOSYS.
  ~DeniedCalls();

  static constexpr int kMostTold = 100;

 private:
  void Listen(int listener);

  const Fd notices_;
  const std::function<void(const std::string&)> tell_;
  Fd stop_;
  std::thread thread_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_LAUNCH_DENIED_CALLS_H_
