#ifndef MADOGUCHI_HOST_DESK_LOCAL_DOOR_H_
#define MADOGUCHI_HOST_DESK_LOCAL_DOOR_H_

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "host/desk/caller.h"
#include "host/desk/house.h"
#include "sdk/launch/process.h"

namespace madoguchi {

// The door for programs of this machine: a Unix socket whose connections the host accepts itself,
// so that the kernel says who is calling. There is one gRPC server for each user that may come in,
// and a connection is handed to its user's: who calls is a property of the server, not of a number
// that might be used again.
class LocalDoor {
 public:
  struct Guests {
    std::map<uid_t, std::set<check::v1::Role>> roles;
    // Plugins may run as the same user, and may not come in.
    std::function<bool(pid_t)> is_plugin;
  };

  // Listens at `path`, mode 0666 below a folder that decides who reaches it (the peer's credentials
  // decide who is served). A socket that a dead host left is replaced; a living one is
  // ALREADY_EXISTS.
  static absl::StatusOr<std::unique_ptr<LocalDoor>> Open(const std::string& path,
                                                         const House& house, Guests guests);
  // Ends all calls.
  ~LocalDoor();

 private:
  class Entrance;
  LocalDoor(std::string path, Guests guests);
  void Accept(std::stop_token stopping);
  void Welcome(int fd);

  const std::string path_;
  const Guests guests_;
  Fd listener_;
  Fd stop_event_;
  std::map<uid_t, std::unique_ptr<Entrance>> entrances_;
  std::jthread accepting_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_DESK_LOCAL_DOOR_H_
