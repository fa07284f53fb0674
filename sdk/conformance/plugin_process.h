#ifndef MADOGUCHI_SDK_CONFORMANCE_PLUGIN_PROCESS_H_
#define MADOGUCHI_SDK_CONFORMANCE_PLUGIN_PROCESS_H_

#include <grpcpp/channel.h>
#include <sys/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "madoguchi/plugin/v1/plugin.pb.h"
#include "sdk/launch/image.h"
#include "sdk/launch/jail/jail.h"
#include "sdk/launch/process.h"

namespace madoguchi::conformance {

// One plugin as a host would start it, for tests and for the kit: with /dev/null as fd 0, its log
// taken from fd 1 and 2, gRPC on fd 3, PIN packets on fd 4, no other fd, and an empty environment.
// Thread-safe but for End, Kill and TakeLog, which one thread calls.
class PluginProcess {
 public:
  // What is at the host's end of fd 3.
  enum class Wire { kGrpc, kBare };

  // Starts `binary`, a path, with no arguments and no jail. The process may not be ready yet; gRPC
  // waits for it.
  static absl::StatusOr<std::unique_ptr<PluginProcess>> Spawn(const std::string& binary);
  // The same in the jail, from the bytes of `image`: `launcher` is the path of madoguchi-jail. The
  // process dies with the calling thread. With Wire::kBare nobody speaks on service_fd() but the
  // caller, and channel() is null.
  static absl::StatusOr<std::unique_ptr<PluginProcess>> SpawnJailed(const PluginImage& image,
                                                                    const Jail& jail,
                                                                    const std::string& launcher,
                                                                    Wire wire = Wire::kGrpc);
  // The plugin in `folder`, as its plugin.textproto has it: spawned, greeted and started.
  // `settings` go over the manifest's defaults; for a TYPE_FILE setting it is the file's path.
  // FAILED_PRECONDITION when Hello tells another name or kind than the manifest; a refused Start is
  // returned as it came.
  static absl::StatusOr<std::unique_ptr<PluginProcess>> StartFolder(
      const std::string& folder, const std::map<std::string, std::string>& settings = {});
  // Ends the process, by force when it does not end by itself.
  ~PluginProcess();
  PluginProcess(const PluginProcess&) = delete;
  PluginProcess& operator=(const PluginProcess&) = delete;

  // Empty unless the process came from StartFolder.
  const plugin::v1::Manifest& manifest() const { return manifest_; }
  pid_t pid() const { return pid_; }
  // gRPC on fd 3. Make stubs on it freely; it dies with the process.
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  // The host's end of fd 3, non-blocking. Stays this object's.
  int service_fd() const { return service_fd_; }
  // The host's end of fd 4; -1 where the jail has no PIN lane.
  int pin_fd() const { return pin_fd_; }
  // What the process has written so far.
  std::string log() const;
  // Waits until the log holds `text`; false when it does not within `patience`.
  bool AwaitLog(const std::string& text, std::chrono::milliseconds patience) const;

  // Hello and Start. The settings are handed over as they are: defaults too must be in them, and
  // files as their bytes.
  absl::Status Start(const std::map<std::string, std::string>& settings);
  // Sends one PIN packet: `token` (16 bytes) and `pin` (1..16 bytes), see reader.proto. True when
  // it was sent. Wipes its own buffer; `pin` is the caller's.
  bool SendPin(const std::string& token, std::span<const uint8_t> pin) const;

  // How often `bytes` stands in the process's memory now, in all its writable mappings of up to 1
  // GB, looked at from outside while it runs. Needs leave to trace it, which a parent has. nullopt
  // when the memory cannot be read.
  std::optional<size_t> CopiesInMemory(std::span<const uint8_t> bytes) const;

  // Waits for the process to end by itself. The exit status, or 128 + signal, as often as it is
  // asked; nullopt when it runs on after `patience`, or was killed by this object.
  std::optional<int> Wait(std::chrono::milliseconds patience);
  // The status, as Wait has it, of a process that ended by itself: by a signal of nobody here, or
  // before End and Kill asked it to. Waits for that up to `patience`; nullopt for all others.
  std::optional<int> Fell(std::chrono::milliseconds patience);
  // Closes the socket on fd 3 and waits. As Wait; a process that does not end within `patience` is
  // killed.
  std::optional<int> End(std::chrono::milliseconds patience = std::chrono::milliseconds(2000));
  // Ends the process, and returns all that it wrote.
  std::string TakeLog();
  // What DeniedCalls takes, once; no descriptors where the jail has no notices.
  Notices TakeNotices() { return std::move(notices_); }
  // SIGKILL, as a crash would.
  void Kill();

 private:
  PluginProcess() = default;
  static std::unique_ptr<PluginProcess> Of(Spawned spawned, Wire wire);
  void ReadLog(int fd);

  plugin::v1::Manifest manifest_;
  pid_t pid_ = -1;
  int service_fd_ = -1;
  int pin_fd_ = -1;
  int pid_fd_ = -1;
  Notices notices_;
  bool ended_ = false;
  bool asked_to_end_ = false;
  std::optional<int> status_;
  std::optional<int> fell_;
  std::shared_ptr<grpc::Channel> channel_;
  std::thread log_reader_;
  mutable std::mutex log_mutex_;
  std::string log_;
};

}  // namespace madoguchi::conformance

#endif  // MADOGUCHI_SDK_CONFORMANCE_PLUGIN_PROCESS_H_
