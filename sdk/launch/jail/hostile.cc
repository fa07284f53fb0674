// A plugin that attacks: its argv[0] is "ATTEMPT" or "ATTEMPT ARGUMENT". It makes that one attempt
// and prints "denied: ERRNO" or "DONE IT". Plain like the launcher, so that what it is denied is
// denied to it and not to a sanitizer.

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

namespace {

constexpr size_t kMiB = 1024 * 1024;
const char* argument = "";

int Pid() { return atoi(argument); }

long Socket(int family, int type, int protocol = 0) { return socket(family, type, protocol); }

long Open(int flags) {
  const int fd = open(argument, flags, 0600);
  char byte;
  // Opened is not read yet.
  if (fd >= 0 && (flags & O_ACCMODE) == O_RDONLY && (flags & O_DIRECTORY) == 0) {
    return read(fd, &byte, 1) < 0 ? -1 : fd;
  }
  return fd;
}

sockaddr_un Address(socklen_t* size, bool abstract) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  snprintf(address.sun_path + abstract, sizeof(address.sun_path) - 1, "%s", argument);
  *size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + abstract + strlen(argument));
  return address;
}

long ConnectUnix(int type, bool abstract) {
  const int fd = socket(AF_UNIX, type, 0);
  if (fd < 0) return -1;
  socklen_t size;
  const sockaddr_un address = Address(&size, abstract);
  return connect(fd, reinterpret_cast<const sockaddr*>(&address), size);
}

// Through a pair, which needs no socket().
long SendDatagram() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) != 0) return -1;
  socklen_t size;
  const sockaddr_un address = Address(&size, false);
  return sendto(ends[0], "x", 1, 0, reinterpret_cast<const sockaddr*>(&address), size);
}

sockaddr_in Loopback() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(atoi(argument)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

long Tcp(bool listening) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return -1;
  const sockaddr_in address = Loopback();
  const auto* to = reinterpret_cast<const sockaddr*>(&address);
  return listening ? bind(fd, to, sizeof(address)) : connect(fd, to, sizeof(address));
}

long ListenTcp() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  return fd < 0 ? -1 : listen(fd, 1);
}

long MakeSocket() {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) return -1;
  socklen_t size;
  const sockaddr_un address = Address(&size, false);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), size + 1) != 0) return -1;
  return listen(fd, 1);
}

// A signal by way of a descriptor's owner.
long SignalByDescriptor() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return -1;
  if (fcntl(ends[0], F_SETFL, O_ASYNC) != 0) return -1;
  return fcntl(ends[0], F_SETOWN, Pid());
}

long ReadHost() {
  char here[8];
  iovec mine{here, sizeof(here)};
  // The stack of this process was laid out like any other's; the address does not matter, the leave
  // does: EFAULT would mean that it was given.
  iovec theirs{here, sizeof(here)};
  const long got = process_vm_readv(Pid(), &mine, 1, &theirs, 1, 0);
  return got < 0 && errno == EFAULT ? 0 : got;
}

long Raise(int resource) {
  rlimit limit{};
  getrlimit(static_cast<__rlimit_resource>(resource), &limit);
  limit.rlim_cur = limit.rlim_max = limit.rlim_max * 2 + 1;
  return setrlimit(static_cast<__rlimit_resource>(resource), &limit);
}

long EatMemory(int flags) {
  // 2 GiB: four times the limit, and not the machine.
  for (size_t eaten = 0; eaten < 2048; eaten += 16) {
    void* const piece =
        mmap(nullptr, 16 * kMiB, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);
    if (piece == MAP_FAILED) return -1;
    // One page is enough to be there.
    *static_cast<volatile char*>(piece) = 1;
  }
  return 0;
}

// Every page of 2 GiB.
long FillMemory() {
  for (size_t filled = 0; filled < 2048; ++filled) {
    void* const piece =
        mmap(nullptr, kMiB, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    if (piece == MAP_FAILED) return -1;
    memset(piece, 1, kMiB);
  }
  return 0;
}

long EatAddresses() {
  return mmap(nullptr, size_t{1} << 40, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
              0) == MAP_FAILED
             ? -1
             : 0;
}

long EatDescriptors() {
  for (int eaten = 0; eaten < 1000; ++eaten) {
    if (dup(0) < 0) return -1;
  }
  return 0;
}

long Fork(long pid) {
  if (pid == 0) _exit(0);
  return pid;
}

long Clone3() {
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  return Fork(syscall(SYS_clone3, &arguments, sizeof(arguments)));
}

long Exec() {
  char program[] = "/bin/sh", option[] = "-c", command[] = "echo DONE IT";
  char* const arguments[] = {program, option, command, nullptr};
  return execv(program, arguments);
}

// With the very number that the launcher used.
long ExecAgain() {
  for (int fd = 0; fd < 5000; ++fd) {
    // Bytes of its own, on that number, by every way to a number.
    if (fd > 4) {
      const int mine = open("/usr/lib/os-release", O_RDONLY);
      if (mine >= 0 && dup2(mine, fd) < 0) fcntl(mine, F_DUPFD, fd);
    }
    char name[] = "again";
    char* const arguments[] = {name, nullptr};
    syscall(SYS_execveat, fd, "", arguments, nullptr, AT_EMPTY_PATH);
    // EACCES and ENOEXEC: it was tried, so only the file was at fault.
    if (errno == EACCES || errno == ENOEXEC) return 0;
    if (fd > 4) close(fd);
  }
  errno = EPERM;
  return -1;
}

void* Nothing(void* here) { return here; }

long Thread() {
  pthread_t thread;
  errno = pthread_create(&thread, nullptr, Nothing, nullptr);
  if (errno != 0) return -1;
  return pthread_join(thread, nullptr);
}

void* Wait(void*) {
  while (true) pause();
}

long EatThreads() {
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 16384);
  for (int eaten = 0; eaten < 1000; ++eaten) {
    pthread_t thread;
    errno = pthread_create(&thread, &small, Wait, nullptr);
    if (errno != 0) return -1;
  }
  return 0;
}

long Capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct rights[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, rights) != 0) return -1;
  errno = EPERM;
  return rights[0].effective != 0 || rights[0].permitted != 0 ? 0 : -1;
}

// Done when a descriptor is open that the contract does not know.
long OtherDescriptor() {
  for (int fd = atoi(argument); fd < 70000; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) return fd;
  }
  return -1;
}

long Environment() {
  errno = ENOENT;
  return *environ != nullptr ? 0 : -1;
}

long Handle() {
  char space[sizeof(file_handle) + 128];
  auto* const handle = reinterpret_cast<file_handle*>(space);
  handle->handle_bytes = 128;
  int mount = 0;
  if (name_to_handle_at(AT_FDCWD, "/etc/passwd", handle, &mount, 0) != 0) return -1;
  const int root = open("/", O_RDONLY);
  return root < 0 ? -1 : open_by_handle_at(root, handle, O_RDONLY);
}

long Affinity() {
  cpu_set_t all;
  sched_getaffinity(0, sizeof(all), &all);
  return sched_setaffinity(Pid(), sizeof(all), &all);
}

// For two seconds and a half. How often it came to it.
long ReadWithoutEnd() {
  timespec begun{}, now{};
  clock_gettime(CLOCK_MONOTONIC, &begun);
  long times = 0;
  do {
    const int fd = open(argument, O_RDONLY);
    if (fd >= 0) close(fd);
    ++times;
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while ((now.tv_sec - begun.tv_sec) * 1000 + (now.tv_nsec - begun.tv_nsec) / 1000000 < 2500);
  dprintf(1, "%ld\n", times);
  return times;
}

// When its host is gone.
long ReadAfterHost() {
  char byte;
  (void)!write(1, "here\n", 5);
  while (read(3, &byte, 1) > 0) {
  }
  return open(argument, O_RDONLY);
}

// What is denied anyhow, many times, before what it is after.
long Bury() {
  for (int i = 0; i < 200; ++i) kill(-1, 0);
  for (int i = 0; i < 45; ++i) {
    char folder[16];
    snprintf(folder, sizeof(folder), "/made-%d", i);
    mkdir(folder, 0700);
  }
  (void)!open(argument, O_RDONLY);
  return ptrace(PTRACE_SEIZE, getppid(), 0, 0);
}

// A hundred calls that no kernel has.
long Differ() {
  for (int call = 1000; call < 1100; ++call) syscall(call);
  return ptrace(PTRACE_SEIZE, getppid(), 0, 0);
}

struct Attempt {
  const char* name;
  long (*make)();
};

char nothing[128];
const rlimit nobody{0, 0}, few{100, 100};

constexpr Attempt kAttempts[] = {
    {"read", [] { return Open(O_RDONLY); }},
    {"list", [] { return Open(O_RDONLY | O_DIRECTORY); }},
    {"create", [] { return Open(O_WRONLY | O_CREAT); }},
    {"write",
     [] {
       const long fd = Open(O_WRONLY);
       return fd < 0 ? fd : static_cast<long>(write(static_cast<int>(fd), "x", 1));
     }},
    {"wait",
     [] {
       (void)!write(1, "here\n", 5);
       return static_cast<long>(pause());
     }},
    {"read-without-end", ReadWithoutEnd},
    {"read-after-host", ReadAfterHost},
    {"link",
     [] {
       char target[PATH_MAX];
       return static_cast<long>(readlink(argument, target, sizeof(target)));
     }},
    {"openat2",
     [] {
       unsigned long how[3] = {O_RDONLY, 0, 0};
       return syscall(SYS_openat2, AT_FDCWD, argument, how, sizeof(how));
     }},
    {"bury", Bury},
    {"differ", Differ},
    {"overwrite", [] { return Open(O_WRONLY); }},
    {"device", [] { return Open(O_RDWR | O_NOCTTY); }},
    {"speed",
     [] {
       const int fd = static_cast<int>(Open(O_RDWR | O_NOCTTY));
       termios settings{};
       if (fd < 0 || tcgetattr(fd, &settings) != 0) return -1l;
       cfsetspeed(&settings, B115200);
       return static_cast<long>(tcsetattr(fd, TCSANOW, &settings));
     }},
    {"type",
     [] {
       const long fd = Open(O_RDWR | O_NOCTTY);
       return fd < 0 ? fd : static_cast<long>(ioctl(static_cast<int>(fd), TIOCSTI, "x"));
     }},
    {"chmod", [] { return static_cast<long>(chmod(argument, 0644)); }},
    {"mkdir", [] { return static_cast<long>(mkdir(argument, 0700)); }},
    {"unlink", [] { return static_cast<long>(unlink(argument)); }},
    {"host-memory", ReadHost},
    {"trace", [] { return ptrace(PTRACE_SEIZE, Pid(), 0, 0); }},
    {"tcp", [] { return Socket(AF_INET, SOCK_STREAM); }},
    {"udp", [] { return Socket(AF_INET, SOCK_DGRAM); }},
    {"tcp6", [] { return Socket(AF_INET6, SOCK_STREAM); }},
    {"mptcp", [] { return Socket(AF_INET, SOCK_STREAM, 262); }},
    {"raw", [] { return Socket(AF_INET, SOCK_RAW, 1); }},
    {"packet", [] { return Socket(AF_PACKET, SOCK_RAW); }},
    {"unix", [] { return Socket(AF_UNIX, SOCK_STREAM); }},
    {"unix-datagram", [] { return Socket(AF_UNIX, SOCK_DGRAM); }},
    {"route", [] { return Socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); }},
    {"uevent", [] { return Socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT); }},
    {"connect", [] { return ConnectUnix(SOCK_STREAM, false); }},
    {"connect-abstract", [] { return ConnectUnix(SOCK_STREAM, true); }},
    {"datagram", SendDatagram},
    {"connect-tcp", [] { return Tcp(false); }},
    {"bind-tcp", [] { return Tcp(true); }},
    {"listen-tcp", ListenTcp},
    {"make-socket", MakeSocket},
    {"signal", [] { return static_cast<long>(kill(Pid(), 0)); }},
    {"signal-thread", [] { return syscall(SYS_tkill, Pid(), 0); }},
    {"signal-group", [] { return static_cast<long>(kill(-Pid(), 0)); }},
    {"signal-by-descriptor", SignalByDescriptor},
    {"signal-itself", [] { return static_cast<long>(kill(getpid(), 0)); }},
    {"fork", [] { return Fork(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }},
#ifdef SYS_fork
    {"old-fork", [] { return Fork(syscall(SYS_fork)); }},
    {"vfork", [] { return Fork(vfork()); }},
#endif
    {"clone3", Clone3},
    {"exec", Exec},
    {"exec-again", ExecAgain},
    {"thread", Thread},
    {"lower-descriptors", [] { return static_cast<long>(setrlimit(RLIMIT_NOFILE, &few)); }},
    {"threads", EatThreads},
    {"see", [] { return static_cast<long>(access(argument, F_OK)); }},
    {"raise-descriptors", [] { return Raise(RLIMIT_NOFILE); }},
    {"raise-memory", [] { return Raise(RLIMIT_DATA); }},
    {"limit-host", [] { return static_cast<long>(prlimit(Pid(), RLIMIT_CORE, &nobody, nullptr)); }},
    {"memory", [] { return EatMemory(MAP_PRIVATE); }},
    {"fill-memory", FillMemory},
    {"shared-memory", [] { return EatMemory(MAP_SHARED); }},
    {"addresses", EatAddresses},
    {"descriptors", EatDescriptors},
    {"memfd", [] { return syscall(SYS_memfd_create, "x", 0); }},
    {"shmget", [] { return syscall(SYS_shmget, 0, 4096, 0600); }},
    {"open_by_handle_at", Handle},
    {"unshare", [] { return syscall(SYS_unshare, CLONE_NEWUSER); }},
    {"setns", [] { return syscall(SYS_setns, syscall(SYS_pidfd_open, Pid(), 0), CLONE_NEWUTS); }},
    {"mount",
     [] {
       // ENOENT: it may, there is only no such folder.
       const int mounted = mount("none", "/madoguchi-no-such", "tmpfs", MS_RDONLY, nullptr);
       return mounted != 0 && errno == ENOENT ? 0l : static_cast<long>(mounted);
     }},
    {"chroot", [] { return static_cast<long>(chroot("/usr")); }},
    {"keyctl", [] { return syscall(SYS_keyctl, 0, -3, 1); }},
    {"bpf", [] { return syscall(SYS_bpf, 0, "\1\0\0\0\4\0\0\0\4\0\0\0\1\0\0\0", 16); }},
    {"userfaultfd", [] { return syscall(SYS_userfaultfd, 1); }},
    {"io_uring", [] { return syscall(SYS_io_uring_setup, 1, nothing); }},
    {"perf_event_open",
     [] {
       // A software clock of its own.
       unsigned attributes[32] = {1, sizeof(attributes)};
       return syscall(SYS_perf_event_open, attributes, 0, -1, -1, 0);
     }},
    {"pidfd_open", [] { return syscall(SYS_pidfd_open, Pid(), 0); }},
    {"personality", [] { return syscall(SYS_personality, 0x0040000); }},
    {"inotify", [] { return syscall(SYS_inotify_init1, 0); }},
    {"affinity", Affinity},
    {"priority",
     [] {
       return static_cast<long>(setpriority(PRIO_PROCESS, Pid(), getpriority(PRIO_PROCESS, 0)));
     }},
    {"setpgid", [] { return static_cast<long>(setpgid(0, 0)); }},
    {"setuid", [] { return syscall(SYS_setuid, 65534); }},
    {"forget-host", [] { return static_cast<long>(prctl(PR_SET_PDEATHSIG, 0)); }},
    {"capabilities", Capabilities},
    {"other-descriptor", OtherDescriptor},
    {"environment", Environment},
};

}  // namespace

int main(int, char** argv) {
  // None waits for ever.
  alarm(10);
  char* const space = strchr(argv[0], ' ');
  if (space != nullptr) {
    *space = '\0';
    argument = space + 1;
  }
  for (const Attempt& attempt : kAttempts) {
    if (strcmp(attempt.name, argv[0]) != 0) continue;
    errno = 0;
    if (attempt.make() < 0) {
      const char* const name = strerrorname_np(errno);
      dprintf(1, "denied: %s\n", name == nullptr ? "?" : name);
    } else {
      dprintf(1, "DONE IT\n");
    }
    return 0;
  }
  dprintf(1, "no such attempt: %s\n", argv[0]);
  return 64;
}
