#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "sdk/launch/jail/cell.h"
#include "sdk/launch/jail/landlock.h"
#include "sdk/launch/jail/places.h"

namespace madoguchi::jail {
namespace {

using namespace landlock;  // NOLINT: the names are its own.

constexpr uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kIoctlDevice;

class Rules {
 public:
  Rules(int abi, const Ruleset& handled) : every_right_(EveryRight(abi)) {
    fd_ = static_cast<int>(syscall(SYS_landlock_create_ruleset, &handled, RulesetSize(abi), 0));
    if (fd_ < 0) Refuse("landlock_create_ruleset", nullptr, errno);
  }

  // Of a path that is not there nothing is allowed. It may be there later: such a plugin ends, and
  // is started again by the host.
  void Allow(const char* path, uint64_t rights) {
    const int object = open(path, O_PATH | O_CLOEXEC);
    if (object < 0) {
      if (errno == ENOENT || errno == EACCES || errno == ENOTDIR) return;
      Refuse("cannot look at", path, errno);
    }
    struct stat facts {};
    if (fstat(object, &facts) != 0) Refuse("cannot look at", path, errno);
    if (!S_ISDIR(facts.st_mode)) rights &= kOfFiles;
    const landlock_path_beneath_attr rule{rights & every_right_, object};
    if (syscall(SYS_landlock_add_rule, fd_, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
      Refuse("landlock_add_rule", path, errno);
    }
    close(object);
  }

  void AllowPort(uint64_t port, uint64_t rights) {
    const NetPort rule{rights, port};
    if (syscall(SYS_landlock_add_rule, fd_, kRuleNetPort, &rule, 0) != 0) {
      Refuse("landlock_add_rule", "of a port", errno);
    }
  }

  void Enforce() {
    if (syscall(SYS_landlock_restrict_self, fd_, 0) != 0) {
      Refuse("landlock_restrict_self", nullptr, errno);
    }
    close(fd_);
  }

 private:
  int fd_ = -1;
  uint64_t every_right_;
};

}  // namespace

void RestrictFiles(const Cell& cell) {
  const int abi = Abi();
  if (abi == 0) {
    Note("this kernel has no Landlock: the plugin can read what the host's user can");
    return;
  }
  Ruleset handled{EveryRight(abi), 0, 0};
  if (abi >= 4) handled.handled_net = cell.network ? kBindTcp : kBindTcp | kConnectTcp;
  if (abi >= 6) handled.scoped = kScopeAbstractUnixSocket | kScopeSignal;
  Rules rules(abi, handled);
  ForEachPlace(cell, [&](const char* path, uint64_t rights) {
    if (rights != 0) rules.Allow(path, rights);
  });
  // gRPC binds a socket to [::1] and any port to see whether there is an IPv6; it cannot listen.
  if (abi >= 4 && cell.network) rules.AllowPort(0, kBindTcp);
  rules.Enforce();
}

}  // namespace madoguchi::jail
