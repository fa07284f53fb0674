#include "ui/terminal/bell.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>

namespace madoguchi::terminal {

Bell::Bell() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (fd_ < 0) std::abort();  // No descriptor left at the very start: nothing can work.
}

Bell::~Bell() { close(fd_); }

void Bell::Ring() {
  const int saved = errno;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(fd_, &one, sizeof(one));
  errno = saved;
}

void Bell::Clear() {
  uint64_t rings;
  [[maybe_unused]] const ssize_t n = read(fd_, &rings, sizeof(rings));
}

bool Bell::Wait(std::chrono::milliseconds limit) {
  pollfd rings = {.fd = fd_, .events = POLLIN, .revents = 0};
  return poll(&rings, 1, static_cast<int>(limit.count())) != 0;
}

}  // namespace madoguchi::terminal
