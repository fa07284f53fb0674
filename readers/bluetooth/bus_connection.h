#ifndef MADOGUCHI_READERS_BLUETOOTH_BUS_CONNECTION_H_
#define MADOGUCHI_READERS_BLUETOOTH_BUS_CONNECTION_H_

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

struct sd_bus;

namespace madoguchi::bluetooth {

struct CloseBus {
  void operator()(sd_bus* bus) const;
};
// Closed, not flushed, at its end; calls under way never come back then.
using BusConnection = std::unique_ptr<sd_bus, CloseBus>;

// Connects libsystemd's sd-bus to the D-Bus at `socket`, a path. Waits at most `patience` for the
// daemon. UNAVAILABLE says what is wrong.
//
// sd-bus sends its whole authentication and the first message in one go, which xdg-dbus-proxy 0.1.4
// of Debian 12 does not stand: it takes the daemon's answers for messages, and hangs up
// (xdg-dbus-proxy issue 21). So the authentication is done here, line by line; sd-bus does its own
// with this function, over a pair of sockets, and then gets the true one in place of its end.
absl::StatusOr<BusConnection> ConnectBus(const std::string& socket,
                                         std::chrono::milliseconds patience);

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_BUS_CONNECTION_H_
