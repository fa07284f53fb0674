#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <initializer_list>

#include "host/loader/jail/cell.h"
#include "host/loader/jail/landlock.h"

namespace madoguchi::jail {
namespace {

using namespace landlock;  // NOLINT: the names are its own.

constexpr uint64_t kRead = kReadFile | kReadDir;
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

// Who answers names may rewrite the file by putting another in its place, and a rule is about a
// file, not a name: where it is a link out of /etc, its folder is allowed.
void AllowResolver(Rules& rules) {
  rules.Allow("/etc/resolv.conf", kRead);
  char* const real = realpath("/etc/resolv.conf", nullptr);
  if (real == nullptr) return;
  char* const slash = strrchr(real, '/');
  if (strncmp(real, "/run/", 5) == 0 && slash > real + 5) {
    *slash = '\0';
    rules.Allow(real, kRead);
  }
  free(real);
}

void AllowPermissions(Rules& rules, const Cell& cell) {
  if (cell.pcscd) rules.Allow("/run/pcscd", kRead);
  if (cell.usb) {
    rules.Allow("/dev/bus/usb", kRead | kWriteFile | kIoctlDevice);
    for (const char* path : {"/sys/bus/usb", "/sys/devices", "/run/udev/data"}) {
      rules.Allow(path, kRead);
    }
  }
  if (cell.serial != nullptr) rules.Allow(cell.serial, kReadFile | kWriteFile | kIoctlDevice);
  if (cell.network) {
    AllowResolver(rules);
    // Not /etc/ssl itself: it holds private keys.
    for (const char* path : {"/etc/hosts", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/host.conf",
                             "/etc/services", "/etc/ssl/certs", "/etc/ssl/openssl.cnf",
                             "/usr/share/ca-certificates", "/usr/local/share/ca-certificates"}) {
      rules.Allow(path, kRead);
    }
  }
  if (cell.sockets && cell.sockets_folder != nullptr) {
    rules.Allow(cell.sockets_folder, kRead | kMakeSock | kRemoveFile);
  }
  for (int i = 0; i < cell.reads; ++i) rules.Allow(cell.read[i], kRead);
}

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
  // The dynamic linker and what it links.
  for (const char* path : {"/usr/lib", "/lib", "/lib64", "/usr/lib64"}) {
    rules.Allow(path, kRead | kExecute);
  }
  rules.Allow("/etc/ld.so.cache", kRead);
  rules.Allow("/dev/null", kReadFile | kWriteFile);
  rules.Allow("/dev/urandom", kReadFile);
  AllowPermissions(rules, cell);
  // gRPC binds a socket to [::1] and any port to see whether there is an IPv6; it cannot listen.
  if (abi >= 4 && cell.network) rules.AllowPort(0, kBindTcp);
  rules.Enforce();
}

}  // namespace madoguchi::jail
