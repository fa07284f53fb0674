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
#include <memory>
#include <optional>

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

std::string Denied(const seccomp_data& call, const std::optional<NamedFile>& file) {
  const std::unique_ptr<char, decltype(&free)> name(
      seccomp_syscall_resolve_num_arch(call.arch, call.nr), free);
  std::string sentence = "tried ";
  sentence += name == nullptr ? "call number " + std::to_string(call.nr) : name.get();
  if (file && !file->path.empty()) sentence += " of " + file->path;
  return sentence + ", which its jail denies";
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
  bool slowed_down = false;
  for (int told = 0; AwaitReadable(listener, stop_.get());) {
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
    if (naming != nullptr && told < kMostTold) {
      file = FileNamedBy(*call, *naming);
      // Its number may be another's by now.
      if (seccomp_notify_id_valid(listener, call->id) != 0) continue;
    }
    answer->id = call->id;
    answer->error = goes_on ? 0 : -EPERM;
    answer->val = 0;
    answer->flags = goes_on ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
    (void)seccomp_notify_respond(listener, answer);
    // What takes longer comes after the answer.
    if (told == kMostTold || (goes_on && !file)) continue;
    const std::string sentence = goes_on ? AttemptAt(*file, shown_) : Denied(call->data, file);
    if (sentence.empty()) continue;
    tell_(sentence);
    ++told;
  }
  seccomp_notify_free(call, answer);
}

}  // namespace madoguchi
