#include "sdk/plugin/plugin_process.h"

#include <fcntl.h>
#include <google/protobuf/text_format.h>
#include <grpcpp/create_channel_posix.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

#include "madoguchi/plugin/v1/plugin.grpc.pb.h"
#include "madoguchi/policy/v1/policy.grpc.pb.h"
#include "sdk/failure/grpc_status.h"
#include "sdk/plugin/serve.h"

namespace madoguchi::plugin {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
constexpr std::chrono::seconds kStep(10);

absl::StatusOr<std::string> FileText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) return absl::NotFoundError("cannot read " + path);
  return text.str();
}

// The exit status, -1 for a signal; nullopt while the process runs on after `timeout_ms`.
std::optional<int> Reap(pid_t pid, int timeout_ms) {
  const auto deadline = steady_clock::now() + milliseconds(timeout_ms);
  for (;;) {
    int status = 0;
    if (waitpid(pid, &status, WNOHANG) == pid) return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (steady_clock::now() >= deadline) return std::nullopt;
    std::this_thread::sleep_for(milliseconds(5));
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<PluginProcess>> PluginProcess::Start(
    const std::string& folder, const std::map<std::string, std::string>& settings) {
  std::unique_ptr<PluginProcess> process(new PluginProcess);
  const auto text = FileText(folder + "/plugin.textproto");
  if (!text.ok()) return text.status();
  if (!google::protobuf::TextFormat::ParseFromString(*text, &process->manifest_)) {
    return absl::InvalidArgumentError(folder + "/plugin.textproto is not a manifest");
  }
  const v1::Manifest& manifest = process->manifest_;
  const std::string& binary = manifest.binary().empty() ? manifest.name() : manifest.binary();
  if (auto status = process->Spawn(folder + "/" + binary); !status.ok()) return status;
  if (auto status = process->Greet(settings); !status.ok()) return status;
  return process;
}

PluginProcess::~PluginProcess() {
  if (pid_ > 0) HangUp(2000);
}

int PluginProcess::HangUp(int timeout_ms) {
  channel_.reset();
  const auto status = Reap(pid_, timeout_ms);
  if (!status) {
    kill(pid_, SIGKILL);
    Reap(pid_, 10000);
  }
  pid_ = -1;
  return status.value_or(-1);
}

absl::Status PluginProcess::Spawn(const std::string& binary) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    return absl::UnavailableError(std::string("socketpair: ") + std::strerror(errno));
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], kServiceFd);
  posix_spawn_file_actions_addclosefrom_np(&actions, kServiceFd + 1);
  std::string path = binary;
  char* const argv[] = {path.data(), nullptr};
  char* const environment[] = {nullptr};
  const int error = posix_spawn(&pid_, path.c_str(), &actions, nullptr, argv, environment);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error != 0) {
    close(ends[0]);
    pid_ = -1;
    return absl::NotFoundError("cannot start " + binary + ": " + std::strerror(error));
  }
  channel_ = grpc::CreateInsecureChannelFromFd("plugin", ends[0]);
  return absl::OkStatus();
}

absl::Status PluginProcess::Greet(const std::map<std::string, std::string>& settings) {
  const auto stub = v1::Plugin::NewStub(channel_);
  {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kStep);
    v1::HelloRequest request;
    request.add_host_version(kContractVersion);
    v1::HelloReply reply;
    const auto status = FromGrpc(stub->Hello(&context, request, &reply));
    if (!status.ok()) return status;
    if (reply.name() != manifest_.name() || reply.kind() != manifest_.kind()) {
      return absl::FailedPreconditionError("Hello and plugin.textproto tell different names");
    }
  }
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kStep);
  v1::StartRequest request;
  for (const auto& declared : manifest_.setting()) {
    const auto given = settings.find(declared.name());
    std::string value = given == settings.end() ? declared.default_value() : given->second;
    if (declared.type() == v1::SettingDeclaration::TYPE_FILE && !value.empty()) {
      auto text = FileText(value);
      if (!text.ok()) return text.status();
      value = *std::move(text);
    }
    (*request.mutable_setting())[declared.name()] = value;
  }
  v1::StartReply reply;
  return FromGrpc(stub->Start(&context, request, &reply));
}

absl::StatusOr<policy::v1::NextReply> RemotePolicy::Next(const policy::v1::NextRequest& request) {
  const auto stub = policy::v1::Policy::NewStub(process_.channel());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kStep);
  policy::v1::NextReply reply;
  const auto status = FromGrpc(stub->Next(&context, request, &reply));
  if (!status.ok()) return status;
  return reply;
}

}  // namespace madoguchi::plugin
