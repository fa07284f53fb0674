#include "sdk/launch/jail/jail.h"

#include <linux/seccomp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string_view>

#include "sdk/launch/jail/cell.h"
#include "sdk/launch/jail/landlock.h"
#include "sdk/launch/process.h"

namespace madoguchi {
namespace {

static_assert(kRefusedByJail == jail::kRefused);

constexpr std::string_view kSerial = "serial:";
constexpr char kExpected[] =
    "expected pcscd, usb, bluetooth, network, sockets, serial or serial:/dev/NAME, each at most "
    "once";

absl::Status Unknown(const std::string& asked) {
  return absl::InvalidArgumentError("permission \"" + asked + "\": " + kExpected);
}

// A path below /dev that means itself: no "..", no doubled slash, not /dev/ alone.
bool IsDevice(std::string_view path) {
  constexpr std::string_view kDev = "/dev/";
  if (!path.starts_with(kDev) || path.ends_with('/')) return false;
  if (path.find("//") != path.npos || path.find('\0') != path.npos) return false;
  return path.find("/./") == path.npos && path.find("/../") == path.npos && !path.ends_with("/.") &&
         !path.ends_with("/..");
}

std::vector<std::string> SocketsOf(const Jail& jail) {
  std::vector<std::string> paths = jail.sockets;
  if (jail.permissions.pcscd) paths.push_back(kPcscdSocket);
  return paths;
}

// The number in a file of /proc/sys; -1 when it is not there.
long Setting(const char* path) {
  long value = -1;
  std::ifstream(path) >> value;
  return value;
}

bool MayMakeNamespaces() {
  if (Setting("/proc/sys/user/max_mnt_namespaces") == 0) return false;
  if (geteuid() == 0) return true;
  return Setting("/proc/sys/user/max_user_namespaces") != 0 &&
         Setting("/proc/sys/kernel/unprivileged_userns_clone") != 0 &&
         Setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") != 1;
}

// False when it was set already.
bool Set(bool& flag) { return !flag && (flag = true); }

}  // namespace

absl::StatusOr<Permissions> ParsePermissions(const std::vector<std::string>& asked) {
  Permissions permissions;
  for (const std::string& one : asked) {
    bool good = false;
    if (one == "pcscd") good = Set(permissions.pcscd);
    if (one == "usb") good = Set(permissions.usb);
    if (one == "bluetooth") good = Set(permissions.bluetooth);
    if (one == "network") good = Set(permissions.network);
    if (one == "sockets") good = Set(permissions.sockets);
    if (one == "serial") good = Set(permissions.serial_of_settings);
    if (one.starts_with(kSerial)) {
      const std::string path = one.substr(kSerial.size());
      good = permissions.serial.empty() && IsDevice(path);
      permissions.serial = path;
    }
    if (!good) return Unknown(one);
  }
  return permissions;
}

absl::Status PermissionsFitKind(const Permissions& permissions, plugin::v1::Kind kind) {
  const bool of_reader = permissions.pcscd || permissions.usb || permissions.bluetooth ||
                         permissions.sockets || permissions.serial_of_settings ||
                         !permissions.serial.empty();
  if (kind != plugin::v1::KIND_READER && of_reader) {
    return absl::InvalidArgumentError(
        "only a reader may ask for pcscd, usb, serial, bluetooth or sockets");
  }
  if (kind != plugin::v1::KIND_AUTHORITY && permissions.network) {
    return absl::InvalidArgumentError("only an authority may ask for network");
  }
  return absl::OkStatus();
}

std::vector<std::string> LauncherArguments(const std::string& launcher, const Jail& jail,
                                           int program_fd, pid_t host_pid) {
  std::vector<std::string> arguments{launcher};
  const auto add = [&](const char* option, const std::string& value) {
    arguments.insert(arguments.end(), {option, value});
  };
  add("--name", jail.name);
  add("--program-fd", std::to_string(program_fd));
  add("--host-pid", std::to_string(host_pid));
  add("--memory-mib", std::to_string(jail.memory_mib));
  add("--descriptors", std::to_string(jail.descriptors));
  if (jail.notices) add("--notice-fd", std::to_string(program_fd + 1));
  if (jail.grouped) add("--group-fd", std::to_string(kGroupFd));
  add("--threads", std::to_string(jail.threads));
  if (jail.pin_lane) arguments.push_back("--pin-lane");
  if (jail.permissions.pcscd) add("--permission", "pcscd");
  if (jail.permissions.usb) add("--permission", "usb");
  if (jail.permissions.bluetooth) add("--permission", "bluetooth");
  if (jail.permissions.network) add("--permission", "network");
  if (jail.permissions.sockets) add("--permission", "sockets");
  if (!jail.permissions.serial.empty()) {
    add("--permission", std::string(kSerial) + jail.permissions.serial);
  }
  if (jail.permissions.serial_of_settings) add("--permission", "serial");
  for (const std::string& path : jail.serial_devices) add("--serial-device", path);
  for (const std::string& path : SocketsOf(jail)) add("--socket", path);
  if (!jail.sockets_folder.empty()) add("--sockets-folder", jail.sockets_folder);
  for (const std::string& path : jail.read) add("--read", path);
  for (const std::string& layer : jail.without) add("--without", layer);
  return arguments;
}

std::string Surroundings(const Jail& jail) {
  std::vector<std::string> paths;
  for (const std::string& path : SocketsOf(jail)) {
    paths.push_back(path.substr(0, path.rfind('/')));
    // The folder of what it is a link to.
    std::error_code none;
    paths.push_back(std::filesystem::weakly_canonical(path, none).parent_path());
  }
  if (!jail.permissions.serial.empty()) paths.push_back(jail.permissions.serial);
  paths.insert(paths.end(), jail.serial_devices.begin(), jail.serial_devices.end());
  if (jail.permissions.usb) paths.push_back("/dev/bus/usb");
  if (jail.permissions.network) paths.push_back("/etc/resolv.conf");
  std::string text;
  for (const std::string& path : paths) {
    struct stat facts {};
    text += path + " ";
    text += stat(path.c_str(), &facts) == 0
                ? std::to_string(facts.st_dev) + ":" + std::to_string(facts.st_ino) + "\n"
                : "missing\n";
  }
  return text;
}

std::vector<Layer> Layers() {
  const uint32_t action = SECCOMP_RET_ERRNO;
  return LayersOf(jail::landlock::Abi(),
                  syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0,
                  MayMakeNamespaces());
}

std::vector<Layer> LayersOf(int abi, bool seccomp, bool namespaces) {
  std::vector<Layer> layers{{"no_new_privs", true, "set-user-ID programs give no rights"},
                            {"rlimits", true, "memory, descriptors and file sizes are limited"}};
  layers.push_back(
      {"room", namespaces,
       namespaces
           ? "a plugin (without usb) sees no file and reaches no socket but its own"
           : "this system lets the host make no namespaces: a plugin sees which files there "
             "are, and one with pcscd, bluetooth or sockets can connect to every path socket "
             "that the host's user can, D-Bus too"});
  Layer landlock{"landlock", abi > 0, "Landlock ABI " + std::to_string(abi)};
  if (abi == 0) {
    landlock.sentence =
        "this kernel has no Landlock (5.13 or later, switched on with lsm=landlock,...): a plugin "
        "can read every file that the host can";
  } else {
    landlock.sentence += ": a plugin opens no file but its libraries";
    // Each with what still stands in its way.
    if (abi < 4) {
      landlock.sentence += "; before ABI 4 (Linux 6.7) the ports of TCP are held by seccomp alone";
    }
    if (abi < 5) {
      landlock.sentence +=
          "; before ABI 5 (Linux 6.10) the requests to an opened device are held by seccomp alone";
    }
    if (abi < 6 && !namespaces) {
      landlock.sentence +=
          "; before ABI 6 (Linux 6.12) a plugin with pcscd, bluetooth or sockets can reach "
          "abstract "
          "sockets, and signals are held by seccomp alone";
    }
  }
  layers.push_back(landlock);
  layers.push_back({"seccomp", seccomp,
                    seccomp ? "a plugin makes no process and no socket beyond its permission"
                            : "this kernel has no seccomp filters: a plugin can start programs, "
                              "open sockets of every kind and signal the host"});
  return layers;
}

}  // namespace madoguchi
