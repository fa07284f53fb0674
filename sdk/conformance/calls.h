#ifndef MADOGUCHI_SDK_CONFORMANCE_CALLS_H_
#define MADOGUCHI_SDK_CONFORMANCE_CALLS_H_

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "madoguchi/plugin/v1/plugin.pb.h"
#include "sdk/conformance/plugin_process.h"

// The host's calls to any plugin, which block, and calls that no host makes.
namespace madoguchi::conformance {

// Where the manuals stand, in the source tree and in an installed SDK.
inline constexpr char kAboutTheJail[] =
    "see share/doc/madoguchi/jail.md (sdk/launch/jail/README.md in the source tree)";
inline constexpr char kAboutTheKit[] =
    "see share/doc/madoguchi/conformance.md (sdk/conformance/README.md in the source tree)";

// From the start of the process to its answers to Hello and to Start.
inline constexpr std::chrono::milliseconds kStartPatience(2000);
// From the end of the host to the end of the process.
inline constexpr std::chrono::milliseconds kEndPatience(1000);

absl::StatusOr<plugin::v1::HelloReply> Hello(PluginProcess& process,
                                             const std::vector<uint32_t>& versions,
                                             std::chrono::milliseconds patience);
absl::Status Started(PluginProcess& process, const plugin::v1::StartRequest& settings,
                     std::chrono::milliseconds patience);
absl::Status Health(PluginProcess& process, std::chrono::milliseconds patience);
// `bytes` as the request of `method` ("/package.Service/Method"), whatever they are.
absl::Status CallWith(PluginProcess& process, const std::string& method, const std::string& bytes,
                      std::chrono::milliseconds patience);

// The path of a cheap call of the kind's own service, and whether it is answered at all: by OK or
// by a refusal, but not by silence. Authorities are asked for their Health instead.
std::string OwnMethod(plugin::v1::Kind kind);
absl::Status Responds(PluginProcess& process, std::chrono::milliseconds patience);

// Calls that are under way from the constructor to Cancel or the destructor: a Watch of a reader;
// questions of a policy and challenges of an authority, one after another.
class LongCall {
 public:
  explicit LongCall(PluginProcess& process);
  ~LongCall();
  // Waits until the call is surely under way, or 0.3 s old.
  void AwaitBegun();
  void Cancel();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The process's threads, and its descriptors; -1 when they cannot be counted.
int ThreadsOf(pid_t pid);
int DescriptorsOf(pid_t pid);
// Waits, up to 2 s, until there are at most `most` threads. How many there are.
int AwaitThreads(pid_t pid, int most);

// In milliseconds, as text: "14 ms".
std::string Milliseconds(std::chrono::steady_clock::duration taken);
// A gRPC status in words: "UNAVAILABLE: ...", with the failure's code if it carries one.
std::string Words(const absl::Status& status);
// How a process ended: "it ended with status 0", "it was killed by SIGABRT", "it did not end".
std::string Words(std::optional<int> status);

}  // namespace madoguchi::conformance

#endif  // MADOGUCHI_SDK_CONFORMANCE_CALLS_H_
