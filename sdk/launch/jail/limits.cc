#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "sdk/launch/jail/cell.h"

namespace madoguchi::jail {
namespace {

constexpr rlim_t kMiB = 1024 * 1024;
// Data is limited to less than a hundredth of it. It is there for the page tables of memory that is
// only ever read, which no other limit counts.
constexpr rlim_t kAddressSpace = 64 * 1024 * kMiB;
// The secure heap of a reader's PIN takes 64 KiB of it.
constexpr rlim_t kLocked = kMiB;
constexpr rlim_t kStack = 8 * kMiB;

// Never above what the host itself has.
void Limit(int resource, const char* name, rlim_t most) {
  rlimit now{};
  if (getrlimit(resource, &now) != 0) Refuse("getrlimit", name, errno);
  const rlim_t value = most < now.rlim_max ? most : now.rlim_max;
  const rlimit limited{value, value};
  if (setrlimit(resource, &limited) != 0) Refuse("setrlimit", name, errno);
}

void CloseRange(unsigned first, unsigned last) {
  if (first > last || syscall(SYS_close_range, first, last, 0) == 0) return;
  if (errno != ENOSYS) Refuse("close_range", nullptr, errno);
  // Before Linux 5.9.
  rlimit now{};
  getrlimit(RLIMIT_NOFILE, &now);
  for (unsigned fd = first; fd <= last && fd < now.rlim_max; ++fd) close(static_cast<int>(fd));
}

// By the number that the kernel gives itself.
bool KernelIsAtLeast(int major, int minor) {
  utsname kernel{};
  int its_major = 0, its_minor = 0;
  uname(&kernel);
  sscanf(kernel.release, "%d.%d", &its_major, &its_minor);
  return its_major > major || (its_major == major && its_minor >= minor);
}

}  // namespace

void EnterGroup(int group_fd) {
  if (write(group_fd, "0", 1) != 1) Refuse("cannot enter the control group", nullptr, errno);
  close(group_fd);
}

int MoveDescriptors(Cell& cell) {
  const int last = cell.pin_lane ? 4 : 3;
  for (int fd = 0; fd <= last; ++fd) {
    if (fcntl(fd, F_GETFD) < 0) Refuse("one of the descriptors 0 to 4 is missing");
  }
  if (cell.program_fd <= last) Refuse("the program lies on a descriptor of the plugin's own");
  rlimit open_files{};
  if (getrlimit(RLIMIT_NOFILE, &open_files) != 0) Refuse("getrlimit", "NOFILE", errno);
  if (open_files.rlim_max <= 16) Refuse("the host itself may open too few files");
  open_files.rlim_cur = open_files.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &open_files) != 0) Refuse("setrlimit", "NOFILE", errno);
  // Numbers above the plugin's limit and below the host's, for each descriptor that is moved there.
  const rlim_t moved_ones = cell.notice_fd < 0 ? 1 : 2;
  if (static_cast<rlim_t>(cell.descriptors) + moved_ones > open_files.rlim_max) {
    cell.descriptors = static_cast<long>(open_files.rlim_max - moved_ones);
  }
  CloseRange(last + 1, cell.program_fd - 1);
  if (cell.notice_fd >= 0 && cell.notice_fd != cell.program_fd + 1) {
    Refuse("the descriptor of the notices has to follow that of the program");
  }
  CloseRange(cell.program_fd + (cell.notice_fd < 0 ? 1 : 2), ~0u);
  const int moved = fcntl(cell.program_fd, F_DUPFD_CLOEXEC, static_cast<int>(cell.descriptors));
  if (moved < 0) Refuse("cannot move the program's descriptor", nullptr, errno);
  if (moved != cell.program_fd) close(cell.program_fd);
  if (cell.notice_fd >= 0) {
    const int notices = fcntl(cell.notice_fd, F_DUPFD_CLOEXEC, static_cast<int>(cell.descriptors));
    if (notices < 0) Refuse("cannot move the descriptor of the notices", nullptr, errno);
    close(cell.notice_fd);
    cell.notice_fd = notices;
  }
  return moved;
}

void DropCapabilities() {
  // An empty environment of rights for the host that runs as root; nothing to drop for another.
  if (prctl(PR_CAPBSET_READ, CAP_SETPCAP, 0, 0, 0) > 0 && geteuid() == 0) {
    for (unsigned long right = 0; prctl(PR_CAPBSET_READ, right, 0, 0, 0) >= 0; ++right) {
      if (prctl(PR_CAPBSET_DROP, right, 0, 0, 0) != 0 && errno != EPERM) {
        Refuse("PR_CAPBSET_DROP", nullptr, errno);
      }
    }
    constexpr unsigned long kRootIsNobody = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
                                            SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
                                            SECBIT_NO_CAP_AMBIENT_RAISE |
                                            SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    if (prctl(PR_SET_SECUREBITS, kRootIsNobody, 0, 0, 0) != 0 && errno != EPERM) {
      Refuse("PR_SET_SECUREBITS", nullptr, errno);
    }
  }
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL) {
    Refuse("PR_CAP_AMBIENT", nullptr, errno);
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capset, &header, none) != 0) Refuse("capset", nullptr, errno);
}

void SetLimits(const Cell& cell, Room room) {
  if (cell.memory_mib > 0) {
    // A control group counts what is used, this what is reserved: it would be reached first.
    if (cell.group_fd < 0) {
      Limit(RLIMIT_DATA, "DATA", static_cast<rlim_t>(cell.memory_mib) * kMiB);
    }
    Limit(RLIMIT_AS, "AS", kAddressSpace);
  }
  Limit(RLIMIT_STACK, "STACK", kStack);
  Limit(RLIMIT_MEMLOCK, "MEMLOCK", kLocked);
  Limit(RLIMIT_CORE, "CORE", 0);
  Limit(RLIMIT_FSIZE, "FSIZE", 0);
  Limit(RLIMIT_MSGQUEUE, "MSGQUEUE", 0);
  Limit(RLIMIT_NICE, "NICE", 0);
  Limit(RLIMIT_RTPRIO, "RTPRIO", 0);
  // Elsewhere, and before Linux 5.14, it counts all that the host's user runs, and is no limit for
  // root at all.
  if (room == Room::kOwnUsers && KernelIsAtLeast(5, 14)) {
    Limit(RLIMIT_NPROC, "NPROC", static_cast<rlim_t>(cell.threads));
  }
  // The moved program lies above: it can be executed, and no descriptor with its number made again.
  Limit(RLIMIT_NOFILE, "NOFILE", static_cast<rlim_t>(cell.descriptors));
}

}  // namespace madoguchi::jail
