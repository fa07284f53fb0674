#include "host/loader/approvals.h"

#include <google/protobuf/text_format.h>

#include <set>

#include "sdk/failure/failure.h"
#include "sdk/textproto/textproto.h"

namespace madoguchi {
namespace {

using check::v1::FAILURE_CODE_PLUGIN_NOT_APPROVED;
using check::v1::FAILURE_CODE_PLUGINS_NOT_SAVED;

constexpr char kHeader[] =
    "# Which plugins may run. Written by `madoguchi plugins approve` and `revoke` alone.\n";

absl::Status CheckLock(const host::PluginsLock& lock, const TextPlaces& places) {
  std::set<std::string> names;
  for (int i = 0; i < lock.approval_size(); ++i) {
    const host::Approval& approval = lock.approval(i);
    const std::string field = "approval[" + std::to_string(i) + "]";
    const auto wrong = [&](const std::string& part, const std::string& what) {
      return absl::InvalidArgumentError(places.Of(field + part) + ": " + what);
    };
    if (approval.name().empty()) return wrong("", "an approval without a name");
    if (!names.insert(approval.name()).second) {
      return wrong(".name", approval.name() + " stands there twice");
    }
    const std::string& digest = approval.digest();
    if (digest.size() != 64 || digest.find_first_not_of("0123456789abcdef") != std::string::npos) {
      return wrong(".digest", "expected 64 lower-case hexadecimal digits");
    }
  }
  return absl::OkStatus();
}

}  // namespace

Approvals::Approvals(std::string path) : path_(std::move(path)) {
  TextPlaces places;
  absl::Status read = ReadTextproto(path_, &lock_, &places);
  if (absl::IsNotFound(read)) return;
  if (read.ok()) read = CheckLock(lock_, places);
  if (read.ok()) return;
  broken_ = std::string(read.message());
  lock_.Clear();
}

std::optional<host::Approval> Approvals::Find(const std::string& name) const {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& approval : lock_.approval()) {
    if (approval.name() == name) return approval;
  }
  return {};
}

absl::Status Approvals::Approve(const host::Approval& approval) {
  std::lock_guard<std::mutex> lock(mutex_);
  host::PluginsLock changed;
  for (const auto& known : lock_.approval()) {
    if (known.name() != approval.name()) *changed.add_approval() = known;
  }
  *changed.add_approval() = approval;
  return Save(changed);
}

absl::Status Approvals::Revoke(const std::string& name) {
  std::lock_guard<std::mutex> lock(mutex_);
  host::PluginsLock changed;
  for (const auto& known : lock_.approval()) {
    if (known.name() != name) *changed.add_approval() = known;
  }
  if (changed.approval_size() == lock_.approval_size()) {
    return FailureStatus(FAILURE_CODE_PLUGIN_NOT_APPROVED, name);
  }
  return Save(changed);
}

absl::Status Approvals::Save(const host::PluginsLock& lock) {
  if (!broken_.empty()) {
    return FailureStatus(FAILURE_CODE_PLUGINS_NOT_SAVED,
                         broken_ + "; mend or remove that file, and start the host again");
  }
  std::string text;
  google::protobuf::TextFormat::PrintToString(lock, &text);
  const absl::Status written = WriteFile(path_, kHeader + text, 0600);
  if (!written.ok()) {
    return FailureStatus(FAILURE_CODE_PLUGINS_NOT_SAVED, std::string(written.message()));
  }
  lock_ = lock;
  return absl::OkStatus();
}

}  // namespace madoguchi
