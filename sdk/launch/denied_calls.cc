#include "sdk/launch/denied_calls.h"

#include <errno.h>
#include <poll.h>
#include <seccomp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cstdlib>
#include <cstring>
#include <memory>

namespace madoguchi {
namespace {

// The one descriptor that the launcher sends; -1 when it sends none.
Fd Receive(int over) {
  char byte = 0;
  iovec one{&byte, 1};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &one;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof(space);
  if (recvmsg(over, &message, MSG_CMSG_CLOEXEC) != 1) return Fd();
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return Fd();
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(header), sizeof(descriptor));
  return Fd(descriptor);
}

// True when there is something to read from `fd`; false when it is over, or `stop` was asked for.
bool AwaitReadable(int fd, int stop) {
  while (true) {
    pollfd watched[] = {{fd, POLLIN, 0}, {stop, POLLIN, 0}};
    if (poll(watched, 2, -1) < 0) continue;
    if (watched[1].revents != 0) return false;
    return (watched[0].revents & POLLIN) != 0;
  }
}

std::string NameOf(const seccomp_data& call) {
  const std::unique_ptr<char, decltype(&free)> name(
      seccomp_syscall_resolve_num_arch(call.arch, call.nr), free);
  return name == nullptr ? "number " + std::to_string(call.nr) : name.get();
}

}  // namespace

DeniedCalls::DeniedCalls(Fd notices, std::function<void(const std::string&)> tell)
    : notices_(std::move(notices)),
      tell_(std::move(tell)),
      stop_(eventfd(0, EFD_CLOEXEC)),
      thread_([this] {
        if (!AwaitReadable(notices_.get(), stop_.get())) return;
        const Fd listener = Receive(notices_.get());
        if (listener.get() >= 0) Listen(listener.get());
      }) {}

DeniedCalls::~DeniedCalls() {
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

void DeniedCalls::Listen(int listener) {
  seccomp_notif* call = nullptr;
  seccomp_notif_resp* answer = nullptr;
  if (seccomp_notify_alloc(&call, &answer) != 0) return;
  for (int told = 0; told < kMostTold && AwaitReadable(listener, stop_.get());) {
    std::memset(call, 0, sizeof(*call));
    // It may have died in between.
    if (seccomp_notify_receive(listener, call) != 0) continue;
    answer->id = call->id;
    answer->error = -EPERM;
    answer->val = 0;
    answer->flags = 0;
    (void)seccomp_notify_respond(listener, answer);
    tell_(NameOf(call->data));
    ++told;
  }
  seccomp_notify_free(call, answer);
}

}  // namespace madoguchi
