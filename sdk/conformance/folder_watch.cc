#include "sdk/conformance/folder_watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <utility>

namespace madoguchi::conformance {
namespace {

constexpr int kQuietMs = 300;
constexpr int kLookMs = 500;  // for a folder that is away for a moment

}  // namespace

FolderWatch::FolderWatch(std::string folder)
    : folder_(std::move(folder)), fd_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
  Attach();
}

FolderWatch::~FolderWatch() {
  if (fd_ >= 0) close(fd_);
}

bool FolderWatch::Attach() {
  attached_ = inotify_add_watch(fd_, folder_.c_str(),
                                IN_CLOSE_WRITE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF |
                                    IN_MOVE_SELF | IN_ONLYDIR) >= 0;
  return attached_;
}

bool FolderWatch::Happens(int timeout_ms) {
  pollfd watched{fd_, POLLIN, 0};
  if (poll(&watched, 1, timeout_ms) <= 0) return false;
  alignas(inotify_event) char events[4096];
  ssize_t size;
  while ((size = read(fd_, events, sizeof(events))) > 0) {
    for (char* at = events; at < events + size;) {
      const auto* const event = reinterpret_cast<const inotify_event*>(at);
      if ((event->mask & (IN_IGNORED | IN_MOVE_SELF | IN_DELETE_SELF)) != 0) attached_ = false;
      at += sizeof(inotify_event) + event->len;
    }
  }
  return true;
}

bool FolderWatch::AwaitChange() {
  if (fd_ < 0) return false;
  while (!Happens(attached_ ? -1 : kLookMs)) {
    // The folder was made anew, which is a change.
    if (!attached_ && Attach()) break;
  }
  while (Happens(kQuietMs)) {
  }
  if (!attached_) Attach();
  return true;
}

}  // namespace madoguchi::conformance
