#include "sdk/conformance/private_bus.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace madoguchi::conformance {
namespace {

bool Listens(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), address.sun_path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool listens = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return listens;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PrivateBus>> PrivateBus::Start(const std::string& folder) {
  std::unique_ptr<PrivateBus> bus(new PrivateBus);
  bus->socket_ = folder + "/bus.sock";
  if (bus->socket_.size() >= sizeof(sockaddr_un::sun_path)) {
    return absl::InvalidArgumentError(folder + " is too long for a socket's path");
  }
  bus->address_ = "unix:path=" + bus->socket_;
  std::ofstream(folder + "/bus.conf")
      << "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" "
         "\"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">"
         "<busconfig><type>system</type><listen>"
      << bus->address_
      << "</listen><auth>EXTERNAL</auth><policy context='default'><allow send_destination='*'/>"
         "<allow eavesdrop='false'/><allow own='*'/></policy></busconfig>";
  auto daemon =
      Program::Run({"/usr/bin/dbus-daemon", "--nofork", "--config-file=" + folder + "/bus.conf"},
                   folder + "/bus.log", /*await_ready=*/false);
  if (!daemon.ok()) return daemon.status();
  bus->daemon_ = *std::move(daemon);
  if (!Await([&] { return Listens(bus->socket_); })) {
    return absl::UnavailableError("dbus-daemon does not listen: " + bus->daemon_->Output());
  }
  setenv("DBUS_SYSTEM_BUS_ADDRESS", bus->address_.c_str(), 1);
  return bus;
}

PrivateBus::~PrivateBus() {
  if (!address_.empty()) unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
  daemon_.reset();
  unlink(socket_.c_str());
}

}  // namespace madoguchi::conformance
