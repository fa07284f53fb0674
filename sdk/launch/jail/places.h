#ifndef MADOGUCHI_SDK_LAUNCH_JAIL_PLACES_H_
#define MADOGUCHI_SDK_LAUNCH_JAIL_PLACES_H_

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <initializer_list>

#include "sdk/launch/jail/cell.h"
#include "sdk/launch/jail/landlock.h"

namespace madoguchi::jail {

// Copies the folder of `path` to `folder`; false when it has none but "/".
inline bool FolderOf(const char* path, char (&folder)[PATH_MAX]) {
  const char* const slash = strrchr(path, '/');
  if (slash == nullptr || slash == path || slash - path >= PATH_MAX) return false;
  memcpy(folder, path, static_cast<size_t>(slash - path));
  folder[slash - path] = '\0';
  return true;
}

// Calls visit(path, rights) for each file and folder that the plugin may touch, whether it is there
// or not, with Landlock's rights over it (0: to be seen, and its sockets connected to).
template <typename Visit>
void ForEachPlace(const Cell& cell, Visit visit) {
  using namespace landlock;  // NOLINT: its names are what this is about.
  constexpr uint64_t kRead = kReadFile | kReadDir;
  // The dynamic linker and what it links.
  for (const char* path : {"/usr/lib", "/lib", "/lib64", "/usr/lib64"}) {
    visit(path, kRead | kExecute);
  }
  visit("/etc/ld.so.cache", kRead);
  visit("/dev/null", kReadFile | kWriteFile);
  visit("/dev/urandom", kReadFile);
  char folder[PATH_MAX];
  char real[PATH_MAX];
  for (int i = 0; i < cell.sockets_to_reach; ++i) {
    // The folder: a server that starts anew makes another file.
    if (FolderOf(cell.socket[i], folder)) visit(folder, 0);
    if (realpath(cell.socket[i], real) != nullptr && FolderOf(real, folder)) visit(folder, 0);
  }
  if (cell.usb) {
    visit("/dev/bus/usb", kRead | kWriteFile | kIoctlDevice);
    // libusb asks libudev, which lists all buses and classes (links into /sys/devices).
    for (const char* path : {"/sys/bus", "/sys/class", "/sys/devices", "/run/udev"}) {
      visit(path, kRead);
    }
  }
  for (int i = 0; i < cell.devices; ++i) {
    visit(cell.device[i], kReadFile | kWriteFile | kIoctlDevice);
  }
  if (cell.network) {
    // Not /etc/ssl itself: it holds private keys.
    for (const char* path :
         {"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/host.conf",
          "/etc/services", "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/usr/share/ca-certificates",
          "/usr/local/share/ca-certificates"}) {
      visit(path, kRead);
    }
    // Who writes it puts another in its place: where it is a link, as systemd-resolved's, the
    // folder stays the same.
    if (realpath("/etc/resolv.conf", real) != nullptr && strncmp(real, "/run/", 5) == 0 &&
        FolderOf(real, folder) && strcmp(folder, "/run") != 0) {
      visit(folder, kRead);
    }
  }
  if (cell.sockets && cell.sockets_folder != nullptr) {
    visit(cell.sockets_folder, kRead | kMakeSock | kRemoveFile);
  }
  for (int i = 0; i < cell.reads; ++i) visit(cell.read[i], kRead);
}

}  // namespace madoguchi::jail

#endif  // MADOGUCHI_SDK_LAUNCH_JAIL_PLACES_H_
