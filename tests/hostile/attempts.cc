#include "tests/hostile/attempts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "tests/hostile/bus_call.h"

namespace madoguchi::hostile {
namespace {

long Open(const std::string& path, int flags) { return open(path.c_str(), flags, 0600); }

long ConnectTo(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) return -1;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  const long done = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  close(fd);
  return done;
}

long ConnectTcp(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return -1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const long done = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  close(fd);
  return done;
}

long ReadHostByCall() {
  char here[8];
  iovec mine{here, sizeof(here)}, theirs{here, sizeof(here)};
  const long got = process_vm_readv(getppid(), &mine, 1, &theirs, 1, 0);
  // An address that is not there: the leave was given.
  return got < 0 && errno == EFAULT ? 0 : got;
}

long Program() {
  char name[] = "/bin/true";
  char* const arguments[] = {name, nullptr};
  pid_t pid;
  errno = posix_spawn(&pid, name, nullptr, nullptr, arguments, nullptr);
  return errno == 0 ? 0 : -1;
}

long Process() {
  const long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) _exit(0);
  return pid;
}

long OpenByOtherCall() {
  unsigned long how[3] = {O_RDONLY, 0, 0};
  return syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", how, sizeof(how));
}

long ProcessByOtherCall() {
  unsigned long arguments[8] = {};
  arguments[4] = SIGCHLD;  // clone_args::exit_signal
  const long pid = syscall(SYS_clone3, arguments, sizeof(arguments));
  if (pid == 0) _exit(0);
  return pid;
}

// On the bus itself; of another's service; in its place.
long AskBus(const Aims& aims, const char* member, const char* signature, const char* name) {
  if (aims.own_bus.empty()) return -1;
  constexpr char kBus[] = "org.freedesktop.DBus";
  return Call(aims.own_bus, {kBus, "/org/freedesktop/DBus", kBus, member, signature, name});
}
long AskService(const Aims& aims, const char* name) {
  if (aims.own_bus.empty()) return -1;
  return Call(aims.own_bus, {name, "/", "org.example.Anything", "Ask", "", ""});
}

long FreeOneself() {
  rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
  return setrlimit(RLIMIT_DATA, &limit);
}

}  // namespace

const std::vector<Attempt>& Attempts() {
  static const std::vector<Attempt>* const all = new std::vector<Attempt>{
      {"read-passwd", [](const Aims&) { return Open("/etc/passwd", O_RDONLY); }},
      {"read-own-folder",
       [](const Aims& aims) { return Open(aims.own_folder + "/plugin.textproto", O_RDONLY); }},
      {"write-own-folder",
       [](const Aims& aims) { return Open(aims.own_folder + "/plugin.textproto", O_WRONLY); }},
      {"read-host-memory",
       [](const Aims&) { return Open("/proc/" + std::to_string(getppid()) + "/mem", O_RDONLY); }},
      {"read-host-by-call", [](const Aims&) { return ReadHostByCall(); }},
      {"write-file", [](const Aims&) { return Open("/tmp/hostile", O_WRONLY | O_CREAT); }},
      {"tcp", [](const Aims& aims) { return ConnectTcp(aims.port); }},
      {"udp", [](const Aims&) { return static_cast<long>(socket(AF_INET, SOCK_DGRAM, 0)); }},
      {"raw", [](const Aims&) { return static_cast<long>(socket(AF_INET, SOCK_RAW, 1)); }},
      {"device-events",
       [](const Aims&) {
         return static_cast<long>(socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT));
       }},
      {"hosts-door", [](const Aims& aims) { return ConnectTo(aims.door); }},
      {"dbus", [](const Aims& aims) { return ConnectTo(aims.dbus); }},
      {"own-bus", [](const Aims& aims) { return ConnectTo(aims.own_bus); }},
      {"signal-host", [](const Aims&) { return static_cast<long>(kill(getppid(), 0)); }},
      {"signal-all", [](const Aims&) { return static_cast<long>(kill(-1, 0)); }},
      {"trace-host",
       [](const Aims&) { return static_cast<long>(ptrace(PTRACE_SEIZE, getppid(), 0, 0)); }},
      {"limit-host",
       [](const Aims&) {
         rlimit none{};
         return static_cast<long>(prlimit(getppid(), RLIMIT_CORE, &none, nullptr));
       }},
      {"process", [](const Aims&) { return Process(); }},
      {"program", [](const Aims&) { return Program(); }},
      {"mount",
       [](const Aims&) { return static_cast<long>(mount("none", "/tmp", "tmpfs", 0, nullptr)); }},
      {"namespace", [](const Aims&) { return syscall(SYS_unshare, CLONE_NEWUSER); }},
      {"memory-without-limit", [](const Aims&) { return FreeOneself(); }},
      {"open-by-other-call", [](const Aims&) { return OpenByOtherCall(); }},
      {"process-by-other-call", [](const Aims&) { return ProcessByOtherCall(); }},
      {"ring",
       [](const Aims&) {
         char parameters[120] = {};
         return syscall(SYS_io_uring_setup, 8, parameters);
       }},
      {"bus-bluez", [](const Aims& aims) { return AskService(aims, "org.bluez"); }},
      {"bus-login", [](const Aims& aims) { return AskService(aims, "org.freedesktop.login1"); }},
      {"bus-owner",
       [](const Aims& aims) {
         return AskBus(aims, "GetNameOwner", "s", "org.freedesktop.login1");
       }},
      {"bus-name",
       [](const Aims& aims) { return AskBus(aims, "RequestName", "su", "org.example.Mine"); }},
      {"bpf", [](const Aims&) { return syscall(SYS_bpf, 0, nullptr, 0); }},
  };
  return *all;
}

}  // namespace madoguchi::hostile
