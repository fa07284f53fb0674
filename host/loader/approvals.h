#ifndef MADOGUCHI_HOST_LOADER_APPROVALS_H_
#define MADOGUCHI_HOST_LOADER_APPROVALS_H_

#include <mutex>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "host/loader/plugins_lock.pb.h"

namespace madoguchi {

// plugins.lock: which plugins may run, and with which permissions. Thread-safe.
class Approvals {
 public:
  // An absent file approves nothing. Neither does one that cannot be read; then broken() says why,
  // and nothing is written over it.
  explicit Approvals(std::string path);

  std::optional<host::Approval> Find(const std::string& name) const;
  // The file and what is wrong with it; empty when nothing is.
  const std::string& broken() const { return broken_; }

  // Replaces the approval of that name. Both change nothing, and say PLUGINS_NOT_SAVED, when the
  // file cannot be written.
  absl::Status Approve(const host::Approval& approval);
  // PLUGIN_NOT_APPROVED when there is none of that name.
  absl::Status Revoke(const std::string& name);

 private:
  // With the lock held.
  absl::Status Save(const host::PluginsLock& lock);

  const std::string path_;
  std::string broken_;
  mutable std::mutex mutex_;
  host::PluginsLock lock_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_LOADER_APPROVALS_H_
