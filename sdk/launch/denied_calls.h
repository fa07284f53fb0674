#ifndef MADOGUCHI_SDK_LAUNCH_DENIED_CALLS_H_
#define MADOGUCHI_SDK_LAUNCH_DENIED_CALLS_H_

#include <chrono>
#include <functional>
#include <future>
#include <string>
#include <thread>

#include "sdk/launch/jail/shown_places.h"
#include "sdk/launch/process.h"

namespace madoguchi {

// Denies the system calls that a plugin's jail does not allow, and tells of them; and tells of
// attempts at files and path sockets that are outside of the jail. The kernel stops the plugin's
// thread at a call that is not allowed, or that names a file, and asks here (seccomp_unotify(2)).
//
// Which calls go on is decided by the call and the flags in its registers alone, which nobody can
// change any more, by the same rule that the launcher has (naming_calls.h). The name is only read
// to tell of it: another thread may change it before the kernel reads it too, and then it is the
// room, Landlock and the host user's own rights that stop the plugin, as they do where nobody
// listens.
class DeniedCalls {
 public:
  // `notices` is Spawned::notices of a plugin in `jail`, whose launcher waits for this object. It
  // takes the listener out of the launcher's process by number (pidfd_getfd(2), Linux 5.6); where
  // this process may not, the plugin starts without.
  //
  // `tell` is called on a thread of this object with a sentence in the past tense and without a
  // subject ("tried ptrace, which its jail denies"; "tried to open /etc/passwd, which is outside of
  // its jail"). Of one deed at most kMostNames are named, then it "tried to open other files too";
  // in all there are at most kMostTold different sentences, one that it "did more than is told of
  // here", and one when the plugin is slowed down. What was told already is told again, at most
  // kMostRepeatsInASecond times in a second, so that nothing new is hidden behind it.
  DeniedCalls(Notices notices, Jail jail, std::function<void(const std::string&)> tell);
  // Ends the telling. What still runs of the plugin gets ENOSYS for what is asked here: it can open
  // no more files, and can still end.
  ~DeniedCalls();

  // Whether anything is told of this plugin: waits until the launcher has handed the listener out
  // or has gone on without, at most `patience`; then false.
  bool AwaitListening(std::chrono::milliseconds patience) const;

  static constexpr int kMostNames = 4;
  static constexpr int kMostTold = 32;
  static constexpr int kMostRepeatsInASecond = 20;
  // A plugin that asks more often waits for the next second, so that one that tries without end
  // costs its host two hundredths of a processor: an answer takes some 10 microseconds (for a path
  // as long and crooked as a path may be, several times that). A start asks about 60 times.
  static constexpr int kMostInASecond = 2000;

 private:
  // What the launcher offers at last; no descriptor when that comes to nothing.
  Fd TakeListener();
  void Listen(int listener);

  const Notices notices_;
  const ShownPlaces shown_;
  const std::function<void(const std::string&)> tell_;
  const Fd stop_;
  std::promise<bool> listening_;
  const std::shared_future<bool> is_listening_;
  std::thread thread_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_LAUNCH_DENIED_CALLS_H_
