#ifndef MADOGUCHI_SDK_PLUGIN_PLUGIN_H_
#define MADOGUCHI_SDK_PLUGIN_PLUGIN_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// What every plugin is, for its author. A plugin derives from Reader, Policy or Authority, whose
// headers (reader.h, policy.h, authority.h) say the rest, and its main() is
//
//   int main() {
//     MyPolicy policy;
//     return madoguchi::plugin::Serve(policy);
//   }
//
// THE FOLDER. A plugin is a folder of the plugin's name with two files: the program (ELF, no
// script) and plugin.textproto, the manifest: name, kind, version, maker, a label in Japanese and
// English, its settings, its permissions (message Manifest in madoguchi/plugin/v1/plugin.proto).
// An administrator sees the manifest, approves the bytes of both files, and only those bytes run;
// after every change of either, the administrator is asked again.
//
// THE LIFE. The host starts the program. Serve speaks gRPC on file descriptor 3: it agrees with the
// host on the version of the contract, says name() and the kind, calls Start once with the
// settings, and from then on calls what the kind defines. Two seconds after its start a plugin has
// answered all that. When the host is gone, or wants the plugin to end, Serve ends the process,
// with status 0 and within one second, also while a call is stuck: it does not return to main(),
// and no destructor runs. A plugin that ends by itself, or crashes, is started again, after 1, 2, 4
// ... 60 seconds; one that does it five times in three minutes is left alone for a minute at a
// time.
//
// THE JAIL. The program reads the system's libraries and nothing else: no file (its own folder
// neither), no device, no network, no other process; it cannot start one. The environment is empty,
// standard input is /dev/null. What it needs beyond that is a permission in its manifest, which the
// administrator sees and grants: pcscd, usb, serial, bluetooth, sockets for readers,
// network for authorities, none for policies. Files come as settings of TYPE_FILE. Threads are
// allowed, 256 descriptors and 512 MiB of memory too.
//
// THE LOG. What it writes to standard output and error is its log: lines of UTF-8, of which an
// administrator sees the last twenty. Nothing personal goes there, no number and never a PIN.
//
// ERRORS are statuses, never exceptions. One that a person at the counter meets comes from the
// catalogue: FailureStatus(check::v1::FAILURE_CODE_CARD_GONE, "one English line") in
// sdk/failure/failure.h; the host shows what happened and what to do, in the language of the
// screen. An exception that leaves one of these functions fails the call, and nobody reads why.
namespace madoguchi::plugin {

// The settings that plugin.textproto declares, with the administrator's values or else the declared
// defaults. Immutable; copies are cheap enough; any thread.
class Settings {
 public:
  Settings() = default;
  // For tests: the values by name, as text.
  explicit Settings(std::map<std::string, std::string> values) : values_(std::move(values)) {}

  // The value as text; of a TYPE_FILE setting the bytes of the file; of a TYPE_SOCKET or
  // TYPE_SOCKET_FOLDER setting an absolute path. Empty where none was set. INVALID_ARGUMENT, naming
  // the setting, when it was not declared.
  absl::StatusOr<std::string> Text(const std::string& name) const;
  // Decimal, least..most. INVALID_ARGUMENT names the setting, the value and what was expected.
  absl::StatusOr<int64_t> Integer(const std::string& name, int64_t least, int64_t most) const;
  // "true" or "false"; otherwise INVALID_ARGUMENT, as Integer.
  absl::StatusOr<bool> Boolean(const std::string& name) const;

 private:
  std::map<std::string, std::string> values_;
};

class Plugin {
 public:
  virtual ~Plugin() = default;

  // The name in plugin.textproto; the host refuses a plugin that calls itself otherwise.
  virtual std::string name() const = 0;

  // Called once, before all calls but Health. Return soon: what takes long (a device that answers
  // slowly, a server far away) is begun here on a thread of the plugin's own. INVALID_ARGUMENT,
  // with a message that names the setting and what was expected, when a value cannot be used: an
  // administrator reads it. The statuses of Settings say this already and can be returned as they
  // are. After a Start that failed the process is ended.
  virtual absl::Status Start(const Settings& settings) = 0;

  // Called once when the host is gone or wants the plugin to end, from a thread of Serve, also
  // while calls are under way; the process ends soon after. For what must not stay as it is in the
  // world: a card with a verified PIN, a radio field. 300 ms at most.
  virtual void Stop() {}

  // OK while the plugin can do its work; a status with a sentence for the administrator when it
  // cannot for now. A device or server that is absent is no such reason: that is told by the calls
  // of the kind. Called at any time, from any thread, also while other calls are stuck: it must
  // not block.
  virtual absl::Status Health() { return absl::OkStatus(); }
};

}  // namespace madoguchi::plugin

#endif  // MADOGUCHI_SDK_PLUGIN_PLUGIN_H_
