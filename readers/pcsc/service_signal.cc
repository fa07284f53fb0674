#include "readers/pcsc/service_signal.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <filesystem>

namespace madoguchi::pcsc {

ServiceSignal::ServiceSignal(const std::string& socket)
    : folder_(std::filesystem::path(socket).parent_path()),
      inotify_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

ServiceSignal::~ServiceSignal() {
  if (inotify_ >= 0) close(inotify_);
  if (stop_ >= 0) close(stop_);
}

void ServiceSignal::Await(std::chrono::milliseconds patience) {
  // Each time anew: the folder may have been made, or made again, since. Adding twice is no error.
  inotify_add_watch(inotify_, folder_.c_str(), IN_CREATE | IN_MOVED_TO | IN_ATTRIB);
  std::array<pollfd, 2> watched = {pollfd{inotify_, POLLIN, 0}, pollfd{stop_, POLLIN, 0}};
  poll(watched.data(), watched.size(), static_cast<int>(patience.count()));
  std::array<char, 4096> dropped;
  while (read(inotify_, dropped.data(), dropped.size()) > 0) {
  }
}

void ServiceSignal::Stop() { eventfd_write(stop_, 1); }

}  // namespace madoguchi::pcsc
