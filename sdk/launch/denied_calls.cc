#include "sdk/launch/denied_calls.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <seccomp.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "sdk/launch/attempt.h"
#include "sdk/launch/named_file.h"

namespace madoguchi {
namespace {

using std::chrono::steady_clock;

// Linux 6.6; not in the headers of Debian 12 (linux/seccomp.h).
constexpr unsigned long kSetFlags = _IOW('!', 4, __u64);
constexpr unsigned long kSyncWakeUp = 1;

// True when there is something to read from `fd`; false when it is over, or `stop` was asked for.
bool AwaitReadable(int fd, int stop) {
  while (true) {
    pollfd watched[] = {{fd, POLLIN, 0}, {stop, POLLIN, 0}};
    if (poll(watched, 2, -1) < 0) continue;
    if (watched[1].revents != 0) return false;
    return (watched[0].revents & POLLIN) != 0;
  }
}

Attempt Denied(const seccomp_data& call, const std::optional<NamedFile>& file) {
  const std::unique_ptr<char, decltype(&free)> name(
      seccomp_syscall_resolve_num_arch(call.arch, call.nr), free);
  Attempt attempt{"tried ", "", ", which its jail denies"};
  attempt.deed += name == nullptr ? "call number " + std::to_string(call.nr) : name.get();
  if (file && !file->path.empty()) {
    attempt.deed += " of ";
    attempt.object = file->path;
  }
  return attempt;
}

// How many calls were asked about in this second.
class Pace {
 public:
  // What is left of the second when it has had its number of calls; otherwise nothing, and one more
  // is counted.
  std::optional<std::chrono::milliseconds> Take(int most) {
    const auto now = steady_clock::now();
    if (now >= end_) {
      end_ = now + std::chrono::seconds(1);
      calls_ = 0;
    }
    if (calls_ == most) return std::chrono::ceil<std::chrono::milliseconds>(end_ - now);
    ++calls_;
    return std::nullopt;
  }

 private:
  steady_clock::time_point end_;
  int calls_ = 0;
};

// What is told of one life of a plugin, so that none can bury what it does under what it did.
class Telling {
 public:
  explicit Telling(const std::function<void(const std::string&)>& tell) : tell_(tell) {}

  void Add(const Attempt& attempt) {
    std::string sentence = attempt.Sentence();
    if (!attempt.object.empty() && told_.count(sentence) == 0) {
      int& names = names_[attempt.deed];
      if (names == DeniedCalls::kMostNames) {
        sentence = attempt.deed + "other files too";
      } else {
        ++names;
      }
    }
    if (told_.count(sentence) == 0 && told_.size() >= DeniedCalls::kMostTold) {
      sentence = "did more than is told of here";
    }
    if (!told_.insert(sentence).second && repeats_.Take(DeniedCalls::kMostRepeatsInASecond)) return;
    tell_(sentence);
  }

 private:
  const std::function<void(const std::string&)>& tell_;
  std::set<std::string> told_;
  std::map<std::string, int> names_;  // by deed
  Pace repeats_;
};

}  // namespace

DeniedCalls::DeniedCalls(Notices notices, Jail jail, std::function<void(const std::string&)> tell)
    : notices_(std::move(notices)),
      shown_(std::move(jail)),
      tell_(std::move(tell)),
      stop_(eventfd(0, EFD_CLOEXEC)),
      is_listening_(listening_.get_future()),
      thread_([this] {
        const Fd listener = TakeListener();
        listening_.set_value(listener.get() >= 0);
        if (listener.get() >= 0) Listen(listener.get());
      }) {}

DeniedCalls::~DeniedCalls() {
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

bool DeniedCalls::AwaitListening(std::chrono::milliseconds patience) const {
  return is_listening_.wait_for(patience) == std::future_status::ready && is_listening_.get();
}

Fd DeniedCalls::TakeListener() {
  // The first is any descriptor, to see whether this process may take one.
  for (const bool last : {false, true}) {
    int number = -1;
    if (!AwaitReadable(notices_.socket.get(), stop_.get()) ||
        recv(notices_.socket.get(), &number, sizeof(number), 0) != sizeof(number)) {
      return Fd();
    }
    Fd taken(static_cast<int>(syscall(SYS_pidfd_getfd, notices_.pid_fd.get(), number, 0)));
    const char answer = taken.get() >= 0;
    if (send(notices_.socket.get(), &answer, 1, MSG_NOSIGNAL) != 1 || answer == 0) return Fd();
    if (last) return taken;
  }
  return Fd();
}

void DeniedCalls::Listen(int listener) {
  seccomp_notif* call = nullptr;
  seccomp_notif_resp* answer = nullptr;
  if (seccomp_notify_alloc(&call, &answer) != 0) return;
  // The plugin waits while it is asked about: they take turns on one processor, which spares waking
  // another up. An older kernel refuses.
  (void)ioctl(listener, kSetFlags, kSyncWakeUp);
  Pace pace;
  Telling telling(tell_);
  bool slowed_down = false;
  while (AwaitReadable(listener, stop_.get())) {
    if (const auto wait = pace.Take(kMostInASecond)) {
      if (!slowed_down)
        tell_("made calls that its host is asked about without end; is slowed down");
      slowed_down = true;
      pollfd stop{stop_.get(), POLLIN, 0};
      if (poll(&stop, 1, static_cast<int>(wait->count())) > 0) break;
      continue;
    }
    std::memset(call, 0, sizeof(*call));
    // It may have died in between.
    if (seccomp_notify_receive(listener, call) != 0) continue;
    const jail::NamingCall* const naming =
        call->data.arch == seccomp_arch_native() ? NamingCallOf(call->data.nr) : nullptr;
    const bool goes_on =
        naming != nullptr &&
        shown_.LetThrough(naming->let, naming->flags < 0 ? 0 : call->data.args[naming->flags]);
    std::optional<NamedFile> file;
    bool told = true;
    if (naming != nullptr) {
      if (naming->path >= 0) file = FileNamedBy(*call, *naming);
      // What glibc asks for a thread is no attempt: it takes the older way.
      if (call->data.nr == SYS_clone3) told = AsksForProcess(*call);
      // Its number may be another's by now.
      if (seccomp_notify_id_valid(listener, call->id) != 0) continue;
    }
    const bool is_there = naming == nullptr || naming->let != jail::LetThrough::kNotThere;
    answer->id = call->id;
    answer->error = goes_on ? 0 : is_there ? -EPERM : -ENOSYS;
    answer->val = 0;
    answer->flags = goes_on ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
    (void)seccomp_notify_respond(listener, answer);
    // What takes longer comes after the answer.
    if (!told || (goes_on && !file)) continue;
    const Attempt attempt = goes_on ? AttemptAt(*file, shown_) : Denied(call->data, file);
    if (!attempt.deed.empty()) telling.Add(attempt);
  }
  seccomp_notify_free(call, answer);
}

}  // namespace madoguchi
