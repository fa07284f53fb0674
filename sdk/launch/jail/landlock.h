#ifndef MADOGUCHI_SDK_LAUNCH_JAIL_LANDLOCK_H_
#define MADOGUCHI_SDK_LAUNCH_JAIL_LANDLOCK_H_

#include <linux/landlock.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

// Landlock as the kernel documents it in Documentation/userspace-api/landlock.rst. The header of
// Debian 12 ends with ABI 2 (REFER), so what came after is said here.
namespace madoguchi::jail::landlock {

constexpr uint64_t kExecute = LANDLOCK_ACCESS_FS_EXECUTE;
constexpr uint64_t kWriteFile = LANDLOCK_ACCESS_FS_WRITE_FILE;
constexpr uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr uint64_t kReadDir = LANDLOCK_ACCESS_FS_READ_DIR;
constexpr uint64_t kRemoveFile = LANDLOCK_ACCESS_FS_REMOVE_FILE;
constexpr uint64_t kMakeSock = LANDLOCK_ACCESS_FS_MAKE_SOCK;
constexpr uint64_t kTruncate = 1ull << 14;     // ABI 3, Linux 6.2
constexpr uint64_t kIoctlDevice = 1ull << 15;  // ABI 5, Linux 6.10

constexpr uint64_t kBindTcp = 1ull << 0;     // ABI 4, Linux 6.7
constexpr uint64_t kConnectTcp = 1ull << 1;  // ABI 4
constexpr int kRuleNetPort = 2;              // ABI 4

constexpr uint64_t kScopeAbstractUnixSocket = 1ull << 0;  // ABI 6, Linux 6.12
constexpr uint64_t kScopeSignal = 1ull << 1;              // ABI 6

struct Ruleset {
  uint64_t handled_files;
  uint64_t handled_net;  // from ABI 4
  uint64_t scoped;       // from ABI 6
};

struct NetPort {
  uint64_t allowed;
  uint64_t port;
};

// The kernel's ABI; 0 when it has no Landlock, or has it switched off.
inline int Abi() {
  const long abi =
      syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

// Every right over files that `abi` knows.
inline uint64_t EveryRight(int abi) {
  if (abi >= 5) return (1ull << 16) - 1;
  if (abi >= 3) return (1ull << 15) - 1;
  return abi == 2 ? (1ull << 14) - 1 : (1ull << 13) - 1;
}

inline size_t RulesetSize(int abi) {
  return abi >= 6 ? sizeof(Ruleset) : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

}  // namespace madoguchi::jail::landlock

#endif  // MADOGUCHI_SDK_LAUNCH_JAIL_LANDLOCK_H_
