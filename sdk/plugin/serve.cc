#include "sdk/plugin/serve.h"

#include <fcntl.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <future>
#include <thread>

#include "sdk/failure/grpc_status.h"

namespace madoguchi::plugin {
namespace {

constexpr std::chrono::milliseconds kShutdownPatience(200);

// Blocks until the other end of `fd` is closed.
void AwaitEndOfFile(int fd) {
  pollfd watched{fd, POLLRDHUP, 0};
  while (poll(&watched, 1, -1) < 0 && errno == EINTR) {
  }
}

uint32_t Highest(std::span<const uint32_t> versions) {
  return versions.empty() ? 0 : *std::max_element(versions.begin(), versions.end());
}

// A host may be hostile to a plugin too: not all that it names is repeated.
std::string Versions(std::span<const uint32_t> versions) {
  constexpr size_t kMostNamed = 8;
  if (versions.empty()) return "no version";
  std::string text = versions.size() == 1 ? "version " : "versions ";
  for (size_t i = 0; i < std::min(versions.size(), kMostNamed); ++i) {
    if (i > 0) text += i + 1 == versions.size() ? " and " : ", ";
    text += std::to_string(versions[i]);
  }
  return versions.size() > kMostNamed ? text + " and more" : text;
}

}  // namespace

uint32_t HighestCommon(std::span<const uint32_t> host, std::span<const uint32_t> plugin) {
  uint32_t highest = 0;
  for (const uint32_t version : plugin) {
    if (std::find(host.begin(), host.end(), version) != host.end()) {
      highest = std::max(highest, version);
    }
  }
  return highest;
}

std::string WhyNoneIsCommon(std::span<const uint32_t> host, std::span<const uint32_t> plugin) {
  const std::string both =
      "this plugin speaks " + Versions(plugin) + " of the contract and the host " + Versions(host);
  if (Highest(host) > Highest(plugin)) {
    return both + ": update the plugin, or build it again with the host's SDK";
  }
  return both + ": update the host, or use an older version of the plugin";
}

grpc::Status PluginService::Hello(grpc::ServerContext*, const v1::HelloRequest* request,
                                  v1::HelloReply* reply) {
  const std::vector<uint32_t> host(request->host_version().begin(), request->host_version().end());
  const uint32_t version = HighestCommon(host, versions_);
  if (version == 0) {
    return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, WhyNoneIsCommon(host, versions_));
  }
  reply->set_version(version);
  reply->set_name(plugin_.name());
  reply->set_kind(kind_);
  return grpc::Status::OK;
}

grpc::Status PluginService::Start(grpc::ServerContext*, const v1::StartRequest* request,
                                  v1::StartReply*) {
  std::map<std::string, std::string> values(request->setting().begin(), request->setting().end());
  return ToGrpc(plugin_.Start(Settings(std::move(values))));
}

grpc::Status PluginService::Health(grpc::ServerContext*, const v1::HealthRequest*,
                                   v1::HealthReply*) {
  return ToGrpc(plugin_.Health());
}

int ServeOn(Plugin& plugin, v1::Kind kind, grpc::Service& service,
            const std::function<void()>& stopping) {
  const int flags = fcntl(kServiceFd, F_GETFL);
  if (flags < 0) {
    std::fprintf(stderr, "%s is a plugin: madoguchid starts it, with a socket as fd 3\n",
                 plugin.name().c_str());
    return 64;
  }
  signal(SIGPIPE, SIG_IGN);
  // A core dump would hold whatever was in memory.
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  setvbuf(stdout, nullptr, _IOLBF, 0);
  // gRPC waits for ever on a descriptor that blocks.
  fcntl(kServiceFd, F_SETFL, flags | O_NONBLOCK);
  fcntl(kServiceFd, F_SETFD, FD_CLOEXEC);
  const int watched = fcntl(kServiceFd, F_DUPFD_CLOEXEC, 10);

  PluginService common(plugin, kind);
  grpc::ServerBuilder builder;
  builder.RegisterService(&common);
  builder.RegisterService(&service);
  // One completion queue and few pollers: a plugin has one client.
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS, 4);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  grpc::AddInsecureChannelFromFd(server.get(), kServiceFd);
  AwaitEndOfFile(watched);
  stopping();
  plugin.Stop();
  // A call may be stuck in a device; nobody waits for it any more. The process ends without it.
  // Shutdown itself waits for such a call, whatever its deadline.
  std::promise<void> shut_down;
  std::thread([&] {
    server->Shutdown(std::chrono::system_clock::now() + kShutdownPatience);
    shut_down.set_value();
  }).detach();
  shut_down.get_future().wait_for(kShutdownPatience + kShutdownPatience);
  std::fflush(nullptr);
  _exit(0);
}

}  // namespace madoguchi::plugin
