#ifndef MADOGUCHI_SDK_LAUNCH_BUS_PROXY_H_
#define MADOGUCHI_SDK_LAUNCH_BUS_PROXY_H_

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "sdk/launch/process.h"

namespace madoguchi {

// What stands between the system's D-Bus and a plugin with the permission bluetooth: a process of
// xdg-dbus-proxy (a Debian package) that lets through what concerns org.bluez, and nothing else.
// The plugin sees no other name on the bus, and nobody else sees it.
class BusProxy {
 public:
  // Listens at `socket`, a path of at most 107 bytes whose folder is made where it is missing (mode
  // 0700) and is to be no other socket's: the jail opens it whole. The bus is that of
  // DBUS_SYSTEM_BUS_ADDRESS, or /run/dbus/system_bus_socket; it need not be there yet. UNAVAILABLE
  // says what is missing.
  static absl::StatusOr<std::unique_ptr<BusProxy>> Start(const std::string& socket);
  // Ends the process.
  ~BusProxy();
  BusProxy(const BusProxy&) = delete;
  BusProxy& operator=(const BusProxy&) = delete;

  // Whether it ended by itself, which it should not.
  bool HasEnded() const;

 private:
  BusProxy() = default;
  pid_t pid_ = -1;
  Fd pid_fd_;
  Fd leash_;  // the process ends when this is closed
};

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_LAUNCH_BUS_PROXY_H_
