// The system calls of a plugin: a list of what is allowed; everything else gives EPERM, which
// a plugin's own log then shows, where a kill would leave a riddle. Where the host listens
// (denied_calls.h) it is the host that gives it, and that lets the calls of naming_calls.h through.
// A list of what is forbidden would grow holes with each kernel; this one was drawn from what
// gRPC 1.51, glibc, OpenSSL, libpcsclite and the Go runtime call, with room beside it. Calls newer
// than this file give ENOSYS, so that a newer glibc takes its older way. Arguments are compared in
// 32 bits where the kernel takes an int.

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <initializer_list>

#include "sdk/launch/jail/cell.h"
#include "sdk/launch/jail/naming_calls.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

namespace madoguchi::jail {
namespace {

// Memory, threads, time, and descriptors that the process has already. None makes a process, a
// file, a socket or a mount, and none takes another process's number (those come below).
constexpr const char* kAlways[] = {
    // Memory. mmap stands below.
    "brk", "munmap", "mprotect", "mremap", "madvise", "mlock", "mlock2", "munlock", "mlockall",
    "munlockall", "msync", "mincore", "membarrier", "pkey_alloc", "pkey_free", "pkey_mprotect",
    // Threads. clone stands below.
    "futex", "futex_waitv", "set_robust_list", "get_robust_list", "set_tid_address", "rseq",
    "arch_prctl", "gettid", "getpid", "getppid", "sched_yield", "sched_getaffinity",
    "sched_getparam", "sched_getscheduler", "sched_get_priority_max", "sched_get_priority_min",
    "sched_getattr", "sched_rr_get_interval", "getcpu", "exit", "exit_group", "restart_syscall",
    "set_thread_area", "get_thread_area", "wait4", "waitid",
    // Signals to itself. kill and its kin stand below.
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigsuspend",
    "rt_sigtimedwait", "sigaltstack", "signalfd", "signalfd4", "pause", "alarm", "getitimer",
    "setitimer",
    // Time.
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
    "times", "timer_create", "timer_settime", "timer_gettime", "timer_getoverrun", "timer_delete",
    "timerfd_create", "timerfd_settime", "timerfd_gettime",
    // Descriptors. fcntl, ioctl and the calls that open stand below.
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2",
    "pwritev2", "lseek", "close", "close_range", "dup", "dup2", "dup3", "pipe", "pipe2", "sendfile",
    "splice", "tee", "ftruncate", "fsync", "fdatasync", "fadvise64", "readahead", "eventfd",
    "eventfd2", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
    "epoll_pwait2", "poll", "ppoll", "select", "pselect6",
    // Files that are open, or are none. Those by name stand in naming_calls.h.
    "fstat", "fstatfs", "getdents64", "getcwd", "fchdir", "umask",
    // Sockets that are there.
    "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg", "shutdown", "getsockname",
    "getpeername", "getsockopt", "setsockopt",
    // Facts.
    "getrandom", "uname", "sysinfo", "getrusage", "getrlimit", "getuid", "geteuid", "getgid",
    "getegid", "getresuid", "getresgid", "getgroups", "getpgid", "getpgrp", "getsid", "capget"};

constexpr int kFirstUnknownCall = 450, kLastUnknownCall = 512;

class Filter {
 public:
  // `told`: whoever holds the listener is asked about each call that is not allowed, and gives
  // EPERM.
  explicit Filter(bool told)
      : told_(told), filter_(seccomp_init(told ? SCMP_ACT_NOTIFY : SCMP_ACT_ERRNO(EPERM))) {
    if (filter_ == nullptr && told) return;
    if (filter_ == nullptr) Refuse("seccomp_init");
    // The calls of another architecture (32 bit) have other numbers, and no plugin makes them.
    Check(seccomp_attr_set(filter_, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "bad arch");
    Check(seccomp_attr_set(filter_, SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimize");
  }

  // False when this system has no listeners at all.
  bool IsThere() const { return filter_ != nullptr; }

  void Allow(const char* call) { Add(SCMP_ACT_ALLOW, call, 0, nullptr); }
  template <typename... Compare>
  void Allow(const char* call, Compare... compare) {
    const scmp_arg_cmp conditions[] = {compare...};
    Add(SCMP_ACT_ALLOW, call, sizeof...(compare), conditions);
  }
  // A call that names a file: allowed where nobody is asked. Where somebody is, it falls to the
  // default action, which asks, and is answered by the same rule.
  template <typename... Compare>
  void AllowNaming(const char* call, Compare... compare) {
    if (!told_) Allow(call, compare...);
  }
  void AllowWithFlag(const char* call, unsigned argument, unsigned flag) {
    if (told_) Allow(call, scmp_arg_cmp{argument, SCMP_CMP_MASKED_EQ, flag, flag});
  }
  // Likewise: who is asked says that there is no such call.
  void NotThere(const char* call) {
    if (!told_) Add(SCMP_ACT_ERRNO(ENOSYS), call, 0, nullptr);
  }
  void NotThere(int call) {
    Check(seccomp_rule_add(filter_, SCMP_ACT_ERRNO(ENOSYS), call, 0), "of a number");
  }

  // Puts the listener, where one is asked for, into `listener`. False when there can be none: Linux
  // before 5.0, or somebody around this host listens already, and the kernel allows one.
  bool Load(int* listener) {
    const int error = seccomp_load(filter_);
    if (error != 0 && listener != nullptr) return false;
    // As libseccomp says it where the kernel was built without.
    if (error == -EINVAL || error == -ENOSYS || error == -ECANCELED) {
      if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0) {
        Note("this kernel has no seccomp: the plugin can make every system call");
        return true;
      }
    }
    Check(error, "load");
    if (listener != nullptr) *listener = seccomp_notify_fd(filter_);
    return true;
  }

 private:
  void Add(uint32_t action, const char* call, unsigned count, const scmp_arg_cmp* conditions) {
    const int number = seccomp_syscall_resolve_name(call);
    // This architecture (or libseccomp) has never heard of it.
    if (number == __NR_SCMP_ERROR || number < 0) return;
    Check(seccomp_rule_add_array(filter_, action, number, count, conditions), call);
  }
  void Check(int error, const char* what) {
    if (error != 0) Refuse("seccomp filter,", what, -error);
  }

  const bool told_;
  scmp_filter_ctx filter_;
};

void AllowMemory(Filter& filter) {
  // Shared memory without a file is not counted by RLIMIT_DATA, so it could take the machine.
  filter.Allow("mmap", SCMP_A3_32(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, 0));
  filter.Allow("mmap", SCMP_A3_32(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS | MAP_SHARED, MAP_ANONYMOUS));
}

void AllowThreads(Filter& filter, pid_t own) {
  constexpr unsigned kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                   CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
  filter.Allow("clone", SCMP_A0_32(SCMP_CMP_MASKED_EQ, CLONE_THREAD | kNamespaces, CLONE_THREAD));
  // The process keeps its number when it becomes the plugin.
  for (const char* call : {"kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"}) {
    filter.Allow(call, SCMP_A0_32(SCMP_CMP_EQ, static_cast<uint32_t>(own)));
  }
  for (const unsigned option :
       {PR_SET_NAME, PR_GET_NAME, PR_SET_VMA, PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS,
        PR_GET_NO_NEW_PRIVS, PR_CAPBSET_READ, PR_SET_TIMERSLACK, PR_GET_TIMERSLACK}) {
    filter.Allow("prctl", SCMP_A0_32(SCMP_CMP_EQ, option));
  }
  // Its own limits: to look at all of them, to set the one that sdk/plugin lowers itself.
  filter.Allow("prlimit64", SCMP_A0_32(SCMP_CMP_EQ, 0), SCMP_A2(SCMP_CMP_EQ, 0));
  filter.Allow("prlimit64", SCMP_A0_32(SCMP_CMP_EQ, static_cast<uint32_t>(own)),
               SCMP_A2(SCMP_CMP_EQ, 0));
  filter.Allow("prlimit64", SCMP_A0_32(SCMP_CMP_EQ, 0), SCMP_A1_32(SCMP_CMP_EQ, RLIMIT_CORE));
}

void AllowFiles(Filter& filter, const Cell& cell) {
  // Not F_SETOWN with F_SETSIG, which can send any signal to anyone of the same user.
  for (const unsigned command : {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL,
                                 F_GETLK, F_SETLK, F_SETLKW, F_GETPIPE_SZ}) {
    filter.Allow("fcntl", SCMP_A1_32(SCMP_CMP_EQ, command));
  }
  for (const unsigned long request : {FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, TCGETS, TIOCOUTQ}) {
    filter.Allow("ioctl", SCMP_A1_32(SCMP_CMP_EQ, request));
  }
  if (cell.MayOpenDevices()) filter.Allow("flock");
}

void AllowNames(Filter& filter, const Cell& cell) {
  for (const NamingCall& call : kNamingCalls) {
    if (call.let == LetThrough::kNotThere) {
      filter.NotThere(call.name);
    } else if (IsLetThrough(cell, call.let, O_RDWR)) {
      filter.AllowNaming(call.name);
    } else if (IsLetThrough(cell, call.let, O_RDONLY)) {
      // For reading only, whether or not there is a Landlock.
      filter.AllowNaming(call.name, scmp_arg_cmp{static_cast<unsigned>(call.flags),
                                                 SCMP_CMP_MASKED_EQ, kWrites, O_RDONLY});
    }
  }
  // What fstat() is, half of what a start calls: of a descriptor, without a name. Nobody is asked.
  filter.AllowWithFlag("newfstatat", 3, AT_EMPTY_PATH);
  filter.AllowWithFlag("statx", 2, AT_EMPTY_PATH);
}

void AllowDevices(Filter& filter, const Cell& cell) {
  if (cell.usb) {
    // usbdevice_fs.h: all of its requests have the type 'U'.
    filter.Allow("ioctl", SCMP_A1_32(SCMP_CMP_MASKED_EQ, 0xff00, 'U' << 8));
    filter.Allow("socket", SCMP_A0_32(SCMP_CMP_EQ, AF_NETLINK),
                 SCMP_A2_32(SCMP_CMP_EQ, NETLINK_KOBJECT_UEVENT));
  }
  if (cell.serial) {
    // asm-generic/ioctls.h: the type is 'T'. Not TIOCSTI (0x5412) and TIOCLINUX (0x541c), which
    // type on a terminal.
    for (const unsigned row : {0x5400, 0x5420, 0x5430, 0x5440, 0x5450}) {
      filter.Allow("ioctl", SCMP_A1_32(SCMP_CMP_MASKED_EQ, 0xfff0, row));
    }
    for (unsigned request = 0x5410; request <= 0x541f; ++request) {
      if (request == 0x5412 || request == 0x541c) continue;
      filter.Allow("ioctl", SCMP_A1_32(SCMP_CMP_MASKED_EQ, 0xffff, request));
    }
  }
}

void AllowSockets(Filter& filter, const Cell& cell) {
  // Pairs, but of datagrams: such a one can send to any path.
  for (const unsigned type : {SOCK_STREAM, SOCK_SEQPACKET}) {
    filter.Allow("socketpair", SCMP_A0_32(SCMP_CMP_EQ, AF_UNIX),
                 SCMP_A1_32(SCMP_CMP_MASKED_EQ, 0xf, type));
  }
  if (!cell.network) filter.Allow("sendto", SCMP_A4(SCMP_CMP_EQ, 0));
  if (cell.MayMakeUnixSockets()) {
    filter.Allow("socket", SCMP_A0_32(SCMP_CMP_EQ, AF_UNIX),
                 SCMP_A1_32(SCMP_CMP_MASKED_EQ, 0xf, SOCK_STREAM));
  }
  if (cell.pcscd) {
    // To notice at once that pcscd was started.
    filter.Allow("inotify_init1");
    filter.Allow("inotify_rm_watch");
  }
  if (cell.network) {
    for (const unsigned family : {AF_INET, AF_INET6}) {
      for (const unsigned type : {SOCK_STREAM, SOCK_DGRAM}) {
        // 0, TCP and UDP: no MPTCP, ICMP or SCTP.
        for (const unsigned protocol : {0, 6, 17}) {
          filter.Allow("socket", SCMP_A0_32(SCMP_CMP_EQ, family),
                       SCMP_A1_32(SCMP_CMP_MASKED_EQ, 0xf, type),
                       SCMP_A2_32(SCMP_CMP_EQ, protocol));
        }
      }
    }
    // getaddrinfo asks which addresses this machine has.
    filter.Allow("socket", SCMP_A0_32(SCMP_CMP_EQ, AF_NETLINK),
                 SCMP_A2_32(SCMP_CMP_EQ, NETLINK_ROUTE));
    filter.Allow("sendto");
    for (const unsigned request : {0x8910u /* SIOCGIFNAME */, 0x8933u /* SIOCGIFINDEX */}) {
      filter.Allow("ioctl", SCMP_A1_32(SCMP_CMP_EQ, request));
    }
  }
  if (cell.sockets) {
    for (const char* call : {"listen", "accept", "accept4", "fchmod"}) filter.Allow(call);
  }
}

// Whether the host took a copy of `descriptor`. It is told the number alone: a descriptor that is
// sent counts as the user's until it is received, and another plugin could have used up what the
// kernel lets them send.
bool IsTaken(int over, int descriptor) {
  char taken = 0;
  return send(over, &descriptor, sizeof(descriptor), MSG_NOSIGNAL) == sizeof(descriptor) &&
         read(over, &taken, 1) == 1 && taken == 1;
}

// False when it is to be told and cannot be: nothing was filtered then.
bool Filtered(const Cell& cell, int program_fd, int* listener) {
  Filter filter(listener != nullptr);
  if (!filter.IsThere()) return false;
  for (const char* call : kAlways) filter.Allow(call);
  for (int call = kFirstUnknownCall; call <= kLastUnknownCall; ++call) filter.NotThere(call);
  AllowMemory(filter);
  AllowThreads(filter, getpid());
  AllowFiles(filter, cell);
  AllowNames(filter, cell);
  AllowDevices(filter, cell);
  AllowSockets(filter, cell);
  // Closed by this very call, and above RLIMIT_NOFILE: nothing can be executed a second time.
  filter.Allow("execveat", SCMP_A0_32(SCMP_CMP_EQ, static_cast<uint32_t>(program_fd)),
               SCMP_A4_32(SCMP_CMP_EQ, AT_EMPTY_PATH));
  return filter.Load(listener);
}

}  // namespace

void FilterCalls(const Cell& cell, int program_fd) {
  int listener = -1;
  // Tried out before there is a filter, which nobody could take back.
  const bool taken = cell.notice_fd >= 0 && IsTaken(cell.notice_fd, cell.notice_fd);
  if (taken && Filtered(cell, program_fd, &listener)) {
    if (!IsTaken(cell.notice_fd, listener)) Refuse("the host cannot take the notices");
    close(listener);
    return;
  }
  if (cell.notice_fd >= 0) Note("this system tells nobody which calls it denies to a plugin");
  (void)Filtered(cell, program_fd, nullptr);
}

}  // namespace madoguchi::jail
