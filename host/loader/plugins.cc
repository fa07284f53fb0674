#include "host/loader/plugins.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "sdk/failure/failure.h"
#include "sdk/failure/plain_line.h"
#include "sdk/launch/launch.h"
#include "sdk/textproto/textproto.h"

namespace madoguchi {
namespace {

using namespace check::v1;  // NOLINT: the codes.

// A folder full of folders fills no list.
constexpr size_t kMostUnused = 32;

bool Contains(const google::protobuf::RepeatedPtrField<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// Whether a plugin of its kind may have all that the manifest asks for: with the place of what it
// may not have.
absl::Status CheckAsked(const PluginImage& image) {
  const plugin::v1::Manifest& manifest = image.folder.manifest;
  const auto& all = manifest.permission();
  absl::Status fits = PermissionsOf(manifest.kind(), {all.begin(), all.end()}).status();
  if (fits.ok()) return fits;
  const std::string path = image.folder.path + "/plugin.textproto";
  plugin::v1::Manifest again;
  TextPlaces places;
  if (absl::Status read = ParseTextproto(image.folder.manifest_text, path, &again, &places);
      !read.ok()) {
    return read;
  }
  std::vector<std::string> asked;
  for (const std::string& one : all) {
    const std::string field = "permission[" + std::to_string(asked.size()) + "]";
    asked.push_back(one);
    fits = PermissionsOf(manifest.kind(), asked).status();
    if (fits.ok()) continue;
    return absl::InvalidArgumentError(places.Of(field) + ": permission \"" + one +
                                      "\": " + std::string(fits.message()));
  }
  return fits;
}

}  // namespace

Plugins::Plugins(const std::vector<Configured>& configured, Place place, PluginReaders* readers)
    : place_(std::move(place)), approvals_(place_.state_folder + "/plugins.lock") {
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
  auto image = ReadPluginImage(FolderOf(configured.name));
  if (!image.ok()) {
    // Never PERMISSION_DENIED, which means that nobody said yes to it.
    plan.may_run = absl::FailedPreconditionError(image.status().message());
    return plan;
  }
  plan.image = std::make_shared<const PluginImage>(*std::move(image));
  if (const absl::Status asked = CheckAsked(*plan.image); !asked.ok()) {
    plan.may_run = absl::FailedPreconditionError(asked.message());
    return plan;
  }
  const auto approval = approvals_.Find(configured.name);
  if (!approval) {
    plan.may_run = absl::PermissionDeniedError(approvals_.broken().empty() ? "it is not approved"
                                                                           : approvals_.broken());
    return plan;
  }
  if (approval->digest() != plan.image->digest) {
    plan.may_run = absl::PermissionDeniedError("its files have changed since it was approved");
    plan.changed = true;
    return plan;
  }
  const plugin::v1::Manifest& manifest = plan.image->folder.manifest;
  for (const std::string& permission : approval->permission()) {
    if (Contains(manifest.permission(), permission)) plan.granted.push_back(permission);
  }
  auto settings = Settle(manifest, configured.settings, place_.base, OwnFolders());
  if (!settings.ok()) {
    plan.may_run = absl::FailedPreconditionError(settings.status().message());
    return plan;
  }
  plan.settings = *std::move(settings);
  const auto& granted = plan.granted;
  if (std::find(granted.begin(), granted.end(), "bluetooth") != granted.end()) {
    const std::string bus = place_.state_folder + "/bus/" + configured.name + "/bus.sock";
    if (FillInBus(manifest, bus, &plan.settings)) plan.bus = bus;
  }
  auto jail = JailOf(manifest, plan.settings, plan.granted);
  if (!jail.ok()) {
    plan.may_run = absl::FailedPreconditionError(jail.status().message());
    return plan;
  }
  plan.jail = *std::move(jail);
  plan.jail.notices = true;
  plan.launcher = place_.launcher;
  if (place_.groups.ok()) plan.groups = *place_.groups;
  return plan;
}

Lives Plugins::LivesOf(const std::string& name) const {
  const auto found = slots_.find(name);
  if (found == slots_.end()) return [] { return nullptr; };
  return [slot = found->second.get()] { return slot->life(); };
}

bool Plugins::TurnsAway(pid_t pid) {
  for (const auto& [name, slot] : slots_) {
    if (!slot->IsPidOfThis(pid)) continue;
    slot->incidents().Add("knocked at the host's own door");
    return true;
  }
  return false;
}

void Plugins::RequestStop() {
  for (const auto& [name, slot] : slots_) slot->RequestStop();
}

std::vector<desk::v1::PluginRow> Plugins::Rows() const {
  std::vector<desk::v1::PluginRow> rows;
  for (const auto& [name, slot] : slots_) rows.push_back(slot->Row());
  return rows;
}

std::vector<desk::v1::PluginRow> Plugins::List() const {
  std::vector<desk::v1::PluginRow> rows = Rows();
  for (desk::v1::PluginRow& row : Unused()) rows.push_back(std::move(row));
  return rows;
}

std::vector<std::string> Plugins::JailLacks() const {
  std::vector<std::string> lacks;
  for (const Layer& layer : Layers()) {
    if (!layer.there) lacks.push_back(layer.name + ": " + layer.sentence);
  }
  if (!place_.groups.ok()) {
    lacks.push_back(
        "control group: a plugin's memory is held by RLIMIT_DATA alone, which does not count "
        "buffers "
        "of sockets and pipes: " +
        std::string(place_.groups.status().message()));
  }
  return lacks;
}

std::string Plugins::FolderOf(const std::string& name) const {
  return place_.plugin_folder + "/" + name;
}

std::vector<desk::v1::PluginRow> Plugins::Unused() const {
  std::set<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(place_.plugin_folder, error)) {
    const std::string name = entry.path().filename();
    if (slots_.count(name) == 0 &&
        std::filesystem::exists(entry.path() / "plugin.textproto", error)) {
      names.insert(name);
    }
    if (names.size() == kMostUnused) break;
  }
  std::vector<desk::v1::PluginRow> rows;
  for (const std::string& name : names) {
    desk::v1::PluginRow& row = rows.emplace_back();
    row.set_name(PlainLine(name));
    row.set_state(desk::v1::PluginRow::STATE_UNUSED);
    row.set_pid(-1);
    const auto folder = ReadPluginFolder(FolderOf(name));
    row.set_detail(PlainLine(folder.ok() ? "the configuration does not name it"
                                         : std::string(folder.status().message())));
    if (!folder.ok()) continue;
    row.set_kind(folder->manifest.kind());
    row.set_version(PlainLine(folder->manifest.version()));
    row.set_maker(PlainLine(folder->manifest.maker()));
  }
  return rows;
}

absl::StatusOr<PluginSlot*> Plugins::Slot(const std::string& name) const {
  const auto found = slots_.find(name);
  if (found != slots_.end()) return found->second.get();
  for (const desk::v1::PluginRow& row : Unused()) {
    if (row.name() != name) continue;
    return FailureStatus(FAILURE_CODE_PLUGIN_UNKNOWN,
                         name + " lies in " + FolderOf(name) +
                             "; to use it, add plugin { name: \"" + name +
                             "\" } to the configuration and start madoguchid again");
  }
  return FailureStatus(FAILURE_CODE_PLUGIN_UNKNOWN, name);
}

absl::StatusOr<desk::v1::InspectPluginReply> Plugins::Inspect(const std::string& name) const {
  const auto slot = Slot(name);
  if (!slot.ok()) return slot.status();
  desk::v1::InspectPluginReply reply;
  *reply.mutable_row() = (*slot)->Row();
  const auto image = ReadPluginImage(FolderOf(name));
  if (!image.ok()) {
    reply.set_problem(PlainLine(std::string(image.status().message())));
    return reply;
  }
  if (const absl::Status asked = CheckAsked(*image); !asked.ok()) {
    reply.set_problem(PlainLine(std::string(asked.message())));
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
  const auto image = ReadPluginImage(FolderOf(request.name()));
  if (!image.ok()) {
    return FailureStatus(FAILURE_CODE_PLUGIN_BROKEN, std::string(image.status().message()));
  }
  if (const absl::Status asked = CheckAsked(*image); !asked.ok()) {
    return FailureStatus(FAILURE_CODE_PLUGIN_BROKEN, std::string(asked.message()));
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
  // Nothing that cannot run takes the place of what does.
  const auto settings = Settle(image->folder.manifest, configured_.at(request.name()).settings,
                               place_.base, OwnFolders());
  if (!settings.ok()) {
    return FailureStatus(FAILURE_CODE_PLUGIN_BROKEN, std::string(settings.status().message()));
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
