#ifndef MADOGUCHI_SDK_PLUGIN_PLUGIN_H_
#define MADOGUCHI_SDK_PLUGIN_PLUGIN_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// What a plugin is, for its author. A plugin derives from Reader, Policy or Authority (reader.h,
// policy.h, authority.h), and its main() is
//
//   int main() {
//     MyPolicy policy;
//     return madoguchi::plugin::Serve(policy);
//   }
//
// Serve speaks gRPC on file descriptor 3 until the host is gone and then returns 0; the process is
// to end within one second. Whatever is written to stdout or stderr is the plugin's log: lines of
// UTF-8, nothing personal, never a PIN.
namespace madoguchi::plugin {

// The settings that plugin.textproto declares, with their values. Immutable after Start.
class Settings {
 public:
  Settings() = default;
  explicit Settings(std::map<std::string, std::string> values) : values_(std::move(values)) {}

  // The value as text or bytes. INVALID_ARGUMENT, naming the setting, when it was not declared.
  absl::StatusOr<std::string> Text(const std::string& name) const;
  // Decimal, least..most. INVALID_ARGUMENT names the setting, the value and what was expected.
  absl::StatusOr<int64_t> Integer(const std::string& name, int64_t least, int64_t most) const;
  // "true" or "false".
  absl::StatusOr<bool> Boolean(const std::string& name) const;

 private:
  std::map<std::string, std::string> values_;
};

class Plugin {
 public:
  virtual ~Plugin() = default;
  // As in plugin.textproto.
  virtual std::string name() const = 0;
  // Called once, before any other call, on a thread of Serve. INVALID_ARGUMENT, with a message that
  // names the setting, when a value cannot be used.
  virtual absl::Status Start(const Settings& settings) = 0;
  // Called at any time, from any thread. Must not block.
  virtual absl::Status Health() { return absl::OkStatus(); }
};

}  // namespace madoguchi::plugin

#endif  // MADOGUCHI_SDK_PLUGIN_PLUGIN_H_
