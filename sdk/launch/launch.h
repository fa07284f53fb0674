#ifndef MADOGUCHI_SDK_LAUNCH_LAUNCH_H_
#define MADOGUCHI_SDK_LAUNCH_LAUNCH_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "madoguchi/plugin/v1/plugin.pb.h"
#include "sdk/launch/jail/jail.h"

// How a plugin is started, for all who start one: the host, and the kit that examines plugins. In
// this order: ReadPluginImage (image.h), Settle (manifest.h), JailOf, Spawn (process.h) with
// LauncherArguments (jail/jail.h), Hello, Start.
namespace madoguchi {

// The version of the contract (plugin.proto) that this library speaks.
constexpr uint32_t kContractVersion = 1;

// `granted` as permissions; INVALID_ARGUMENT when one is unknown, or not for a plugin of this kind.
absl::StatusOr<Permissions> PermissionsOf(plugin::v1::Kind kind,
                                          const std::vector<std::string>& granted);

// Where the plugin's own D-Bus is to be, into its settings of TYPE_BUS. False when it has none:
// then it needs no BusProxy (bus_proxy.h).
bool FillInBus(const plugin::v1::Manifest& manifest, const std::string& socket,
               plugin::v1::StartRequest* settings);

// The jail of a plugin to which `granted` was granted, around the paths that its settings name.
// INVALID_ARGUMENT when a permission is unknown, or not for a plugin of its kind; UNAVAILABLE when
// a folder cannot be made.
absl::StatusOr<Jail> JailOf(const plugin::v1::Manifest& manifest,
                            const plugin::v1::StartRequest& settings,
                            const std::vector<std::string>& granted);

// In what `said` differs from `manifest` or from the contract, with both values; empty when it does
// not.
std::string DifferenceFrom(const plugin::v1::Manifest& manifest,
                           const plugin::v1::HelloReply& said);

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_LAUNCH_LAUNCH_H_
