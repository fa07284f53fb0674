#ifndef MADOGUCHI_SDK_CONFORMANCE_PRIVATE_BUS_H_
#define MADOGUCHI_SDK_CONFORMANCE_PRIVATE_BUS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "sdk/conformance/program.h"

namespace madoguchi::conformance {

// A real dbus-daemon of a test's own, on which everybody may own every name: the system bus of this
// process, and of the programs that it runs, for as long as this object lives. One at a time.
class PrivateBus {
 public:
  // Puts `bus.sock`, its configuration and its log into `folder`, which is there and not too long
  // for a socket's path (at most 98 bytes). UNAVAILABLE when the daemon does not listen in time.
  static absl::StatusOr<std::unique_ptr<PrivateBus>> Start(const std::string& folder);
  // Ends the daemon: its clients lose their connection.
  ~PrivateBus();
  PrivateBus(const PrivateBus&) = delete;
  PrivateBus& operator=(const PrivateBus&) = delete;

  // "unix:path=FOLDER/bus.sock", which DBUS_SYSTEM_BUS_ADDRESS holds meanwhile.
  const std::string& address() const { return address_; }

 private:
  PrivateBus() = default;
  std::string address_, socket_;
  std::unique_ptr<Program> daemon_;
};

}  // namespace madoguchi::conformance

#endif  // MADOGUCHI_SDK_CONFORMANCE_PRIVATE_BUS_H_
