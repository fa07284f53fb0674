#ifndef MADOGUCHI_HOST_DESK_REMOTE_DOOR_H_
#define MADOGUCHI_HOST_DESK_REMOTE_DOOR_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "host/desk/house.h"

namespace grpc {
class Server;
}

namespace madoguchi {

// The door for screens elsewhere: TLS on TCP, in which both sides show a certificate of the host's
// own CA, and the device must stand in the list. Its role is the list's and the certificate's;
// where they differ, nobody comes in.
class RemoteDoor {
 public:
  // Listens at `address` ("host:port"; port 0 takes a free one). UNAVAILABLE when it is taken.
  // Sets the house's address, with the real port, before the first call comes in.
  static absl::StatusOr<std::unique_ptr<RemoteDoor>> Open(const std::string& address, House& house);
  // Ends all calls.
  ~RemoteDoor();

  // Where it listens, with the real port.
  const std::string& address() const { return address_; }

 private:
  struct Inside;
  RemoteDoor();
  std::unique_ptr<Inside> inside_;
  std::string address_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_DESK_REMOTE_DOOR_H_
