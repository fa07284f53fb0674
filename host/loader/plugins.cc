#include "host/loader/plugins.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "sdk/failure/failure.h"
#include "sdk/failure/plain_line.h"

namespace madoguchi {
namespace {

using namespace check::v1;  // NOLINT: the codes.
using plugin::v1::SettingDeclaration;

bool Contains(const google::protobuf::RepeatedPtrField<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// Known, and for a plugin of this kind.
absl::StatusOr<Permissions> PermissionsOf(plugin::v1::Kind kind,
                                          const std::vector<std::string>& granted) {
  auto permissions = ParsePermissions(granted);
  if (!permissions.ok()) return permissions;
  if (absl::Status fits = PermissionsFitKind(*permissions, kind); !fits.ok()) return fits;
  return permissions;
}

}  // namespace

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
    if (setting.type() == SettingDeclaration::TYPE_SOCKET) jail.sockets.push_back(value->second);
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

Plugins::Plugins(const std::vector<Configured>& configured, const std::string& base,
                 const std::string& lock_path, const std::string& launcher, PluginReaders* readers)
    : base_(base), launcher_(launcher), approvals_(lock_path) {
  for (const Configured& one : configured) configured_[one.name] = one;
  for (const auto& [name, one] : configured_) {
    const auto up = [readers, name = name](const std::shared_ptr<const PluginLife>& life) {
      if (life->kind == plugin::v1::KIND_READER) readers->Up(name, life);
    };
    const auto down = [readers, name = name](const PluginLife& life) {
      if (life.kind == plugin::v1::KIND_READER) readers->Down(name);
    };
    slots_[name] = std::make_unique<PluginSlot>(
        name, [this, &one = one] { return Prepare(one); }, up, down, PluginSlot::Patience());
  }
}

PluginPlan Plugins::Prepare(const Configured& configured) const {
  PluginPlan plan;
  auto image = ReadPluginImage(configured.folder);
  if (!image.ok()) {
    // Never PERMISSION_DENIED, which means that nobody said yes to it.
    plan.may_run = absl::FailedPreconditionError(image.status().message());
    return plan;
  }
  plan.image = std::make_shared<const PluginImage>(*std::move(image));
  const auto approval = approvals_.Find(configured.name);
  if (!approval) {
    plan.may_run = absl::PermissionDeniedError(
        approvals_.broken().empty() ? "nobody has approved it yet" : approvals_.broken());
    return plan;
  }
  if (approval->digest() != plan.image->digest) {
    plan.may_run = absl::PermissionDeniedError("its files have changed since it was approved");
    return plan;
  }
  const plugin::v1::Manifest& manifest = plan.image->folder.manifest;
  for (const std::string& permission : approval->permission()) {
    if (Contains(manifest.permission(), permission)) plan.granted.push_back(permission);
  }
  auto settings = Settle(manifest, configured.settings, base_);
  if (!settings.ok()) {
    plan.may_run = absl::FailedPreconditionError(settings.status().message());
    return plan;
  }
  plan.settings = *std::move(settings);
  auto jail = JailOf(manifest, plan.settings, plan.granted);
  if (!jail.ok()) {
    plan.may_run = absl::FailedPreconditionError(jail.status().message());
    return plan;
  }
  plan.jail = *std::move(jail);
  plan.launcher = launcher_;
  return plan;
}

Lives Plugins::LivesOf(const std::string& name) const {
  const auto found = slots_.find(name);
  if (found == slots_.end()) return [] { return nullptr; };
  return [slot = found->second.get()] { return slot->life(); };
}

bool Plugins::IsPidOfOne(pid_t pid) const {
  return std::any_of(slots_.begin(), slots_.end(),
                     [&](const auto& slot) { return slot.second->IsPidOfThis(pid); });
}

void Plugins::RequestStop() {
  for (const auto& [name, slot] : slots_) slot->RequestStop();
}

std::vector<desk::v1::PluginRow> Plugins::List() const {
  std::vector<desk::v1::PluginRow> rows;
  for (const auto& [name, slot] : slots_) rows.push_back(slot->Row());
  return rows;
}

absl::StatusOr<PluginSlot*> Plugins::Slot(const std::string& name) const {
  const auto found = slots_.find(name);
  if (found == slots_.end()) return FailureStatus(FAILURE_CODE_PLUGIN_UNKNOWN, name);
  return found->second.get();
}

absl::StatusOr<desk::v1::InspectPluginReply> Plugins::Inspect(const std::string& name) const {
  const auto slot = Slot(name);
  if (!slot.ok()) return slot.status();
  desk::v1::InspectPluginReply reply;
  *reply.mutable_row() = (*slot)->Row();
  const auto image = ReadPluginImage(configured_.at(name).folder);
  if (!image.ok()) {
    reply.set_problem(PlainLine(std::string(image.status().message())));
    return reply;
  }
  const plugin::v1::Manifest& manifest = image->folder.manifest;
  reply.set_kind(manifest.kind());
  reply.set_version(PlainLine(manifest.version()));
  reply.set_maker(PlainLine(manifest.maker()));
  reply.set_digest(image->digest);
  for (const std::string& one : manifest.permission()) reply.add_asked(PlainLine(one));
  return reply;
}

absl::Status Plugins::Approve(const desk::v1::ApprovePluginRequest& request, const std::string& who,
                              const std::string& when) {
  const auto slot = Slot(request.name());
  if (!slot.ok()) return slot.status();
  const auto image = ReadPluginImage(configured_.at(request.name()).folder);
  if (!image.ok()) {
    return FailureStatus(FAILURE_CODE_PLUGIN_BROKEN, std::string(image.status().message()));
  }
  if (image->digest != request.digest()) {
    return FailureStatus(FAILURE_CODE_PLUGIN_CHANGED, "its digest is " + image->digest);
  }
  host::Approval approval;
  for (const std::string& permission : request.permission()) {
    if (!Contains(image->folder.manifest.permission(), permission)) {
      return FailureStatus(FAILURE_CODE_REQUEST_INVALID,
                           "its manifest does not ask for the permission " + permission);
    }
    approval.add_permission(permission);
  }
  const auto permissions = PermissionsOf(
      image->folder.manifest.kind(), {request.permission().begin(), request.permission().end()});
  if (!permissions.ok()) {
    return FailureStatus(FAILURE_CODE_REQUEST_INVALID, std::string(permissions.status().message()));
  }
  approval.set_name(request.name());
  approval.set_digest(request.digest());
  approval.set_approved_by(who);
  approval.set_approved_at(when);
  if (absl::Status saved = approvals_.Approve(approval); !saved.ok()) return saved;
  (*slot)->Reload();
  return absl::OkStatus();
}

absl::Status Plugins::Revoke(const std::string& name) {
  const auto slot = Slot(name);
  if (!slot.ok()) return slot.status();
  if (absl::Status saved = approvals_.Revoke(name); !saved.ok()) return saved;
  (*slot)->Reload();
  return absl::OkStatus();
}

absl::Status Plugins::Restart(const std::string& name) {
  const auto slot = Slot(name);
  if (!slot.ok()) return slot.status();
  const absl::Status may_run = (*slot)->plan().may_run;
  if (!may_run.ok()) {
    return FailureStatus(absl::IsPermissionDenied(may_run) ? FAILURE_CODE_PLUGIN_NOT_APPROVED
                                                           : FAILURE_CODE_PLUGIN_BROKEN,
                         std::string(may_run.message()));
  }
  (*slot)->Restart();
  return absl::OkStatus();
}

}  // namespace madoguchi
