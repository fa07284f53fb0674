#ifndef MADOGUCHI_SDK_PLUGIN_PLUGIN_PROCESS_H_
#define MADOGUCHI_SDK_PLUGIN_PLUGIN_PROCESS_H_

#include <grpcpp/channel.h>
#include <sys/types.h>

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "madoguchi/plugin/v1/plugin.pb.h"
#include "sdk/plugin/policy.h"

// A plugin as a host starts it, for tests of plugins: no jail, no supervision, no PIN lane.
namespace madoguchi::plugin {

class PluginProcess {
 public:
  // Reads plugin.textproto in `folder`, starts the binary with a socket on fd 3, says Hello and
  // Start. `settings` overrides the defaults; for a TYPE_FILE setting it is the file's path.
  // A refused Start is returned as it came. Each step has ten seconds.
  static absl::StatusOr<std::unique_ptr<PluginProcess>> Start(
      const std::string& folder, const std::map<std::string, std::string>& settings = {});

  PluginProcess(const PluginProcess&) = delete;
  PluginProcess& operator=(const PluginProcess&) = delete;
  // Ends the process, by SIGKILL if need be.
  ~PluginProcess();

  const v1::Manifest& manifest() const { return manifest_; }
  std::shared_ptr<grpc::Channel> channel() const { return channel_; }
  pid_t pid() const { return pid_; }

  // Closes the socket, as a host that is gone, and waits. Returns the exit status, or -1 when the
  // process did not end by itself within `timeout_ms`. Stubs of channel() must be gone by then.
  int HangUp(int timeout_ms = 5000);

 private:
  PluginProcess() = default;
  absl::Status Spawn(const std::string& binary);
  absl::Status Greet(const std::map<std::string, std::string>& settings);

  v1::Manifest manifest_;
  std::shared_ptr<grpc::Channel> channel_;
  pid_t pid_ = -1;
};

// The policy of a plugin process, as if it were here. `process` must outlive it.
class RemotePolicy final : public Policy {
 public:
  explicit RemotePolicy(const PluginProcess& process) : process_(process) {}
  std::string name() const override { return process_.manifest().name(); }
  absl::Status Start(const Settings&) override { return absl::OkStatus(); }
  absl::StatusOr<policy::v1::NextReply> Next(const policy::v1::NextRequest& request) override;

 private:
  const PluginProcess& process_;
};

}  // namespace madoguchi::plugin

#endif  // MADOGUCHI_SDK_PLUGIN_PLUGIN_PROCESS_H_
