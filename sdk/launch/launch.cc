#include "sdk/launch/launch.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <sstream>

namespace madoguchi {
namespace {

using plugin::v1::SettingDeclaration;

std::string NameOfKind(plugin::v1::Kind kind) {
  const std::string name = plugin::v1::Kind_Name(kind);
  return name.empty() ? "kind " + std::to_string(kind) : name;
}

}  // namespace

absl::StatusOr<Permissions> PermissionsOf(plugin::v1::Kind kind,
                                          const std::vector<std::string>& granted) {
  auto permissions = ParsePermissions(granted);
  if (!permissions.ok()) return permissions;
  if (absl::Status fits = PermissionsFitKind(*permissions, kind); !fits.ok()) return fits;
  return permissions;
}

bool FillInBus(const plugin::v1::Manifest& manifest, const std::string& socket,
               plugin::v1::StartRequest* settings) {
  bool wanted = false;
  for (const SettingDeclaration& setting : manifest.setting()) {
    if (setting.type() != SettingDeclaration::TYPE_BUS) continue;
    (*settings->mutable_setting())[setting.name()] = socket;
    wanted = true;
  }
  return wanted;
}

absl::StatusOr<Jail> JailOf(const plugin::v1::Manifest& manifest,
                            const plugin::v1::StartRequest& settings,
                            const std::vector<std::string>& granted) {
  Jail jail;
  jail.name = manifest.name();
  jail.pin_lane = manifest.kind() == plugin::v1::KIND_READER;
  const auto permissions = PermissionsOf(manifest.kind(), granted);
  if (!permissions.ok()) return permissions.status();
  jail.permissions = *permissions;
  for (const SettingDeclaration& setting : manifest.setting()) {
    const auto value = settings.setting().find(setting.name());
    if (value == settings.setting().end() || value->second.empty()) continue;
    if (setting.type() == SettingDeclaration::TYPE_SOCKET ||
        (setting.type() == SettingDeclaration::TYPE_BUS && jail.permissions.bluetooth)) {
      jail.sockets.push_back(value->second);
    }
    if (setting.type() == SettingDeclaration::TYPE_SERIAL && jail.permissions.serial_of_settings) {
      std::istringstream paths(value->second);
      for (std::string path; paths >> path;) jail.serial_devices.push_back(path);
    }
    if (setting.type() == SettingDeclaration::TYPE_SOCKET_FOLDER && jail.permissions.sockets) {
      jail.sockets_folder = value->second;
      if (mkdir(value->second.c_str(), 0700) != 0 && errno != EEXIST) {
        return absl::UnavailableError("the folder " + value->second + " of the setting " +
                                      setting.name() + ": " + std::strerror(errno));
      }
    }
  }
#ifdef MADOGUCHI_SANITIZED
  // A sanitizer's shadow fits no limit of memory, it reads /proc/self, and to look for leaks at the
  // end it makes a process.
  jail.memory_mib = 0;
  jail.read = {"/proc"};
  jail.without = {"seccomp"};
#endif
  return jail;
}

std::string DifferenceFrom(const plugin::v1::Manifest& manifest,
                           const plugin::v1::HelloReply& said) {
  std::string difference;
  const auto add = [&](const std::string& part) {
    difference += (difference.empty() ? "" : "; ") + part;
  };
  if (said.name() != manifest.name()) {
    add("it calls itself \"" + said.name() + "\"; its manifest says \"" + manifest.name() + "\"");
  }
  if (said.kind() != manifest.kind()) {
    add("it is a " + NameOfKind(said.kind()) + "; its manifest says " +
        NameOfKind(manifest.kind()));
  }
  if (said.version() != kContractVersion) {
    add("it speaks version " + std::to_string(said.version()) +
        " of the contract, this host version " + std::to_string(kContractVersion) +
        ": update the " + (said.version() > kContractVersion ? "host" : "plugin"));
  }
  return difference;
}

}  // namespace madoguchi
