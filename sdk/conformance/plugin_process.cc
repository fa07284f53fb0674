#include "sdk/conformance/plugin_process.h"

#include <fcntl.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel_posix.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <vector>

#include "madoguchi/plugin/v1/plugin.grpc.pb.h"
#include "sdk/failure/grpc_status.h"
#include "sdk/plugin/serve.h"
#include "sdk/secret/secret.h"
#include "sdk/textproto/textproto.h"

namespace madoguchi::conformance {
namespace {

constexpr size_t kTokenSize = 16;
constexpr size_t kLongestPacket = 32;
// Larger ones are a sanitizer's shadow: terabytes, and no data in them.
constexpr unsigned long kLargestMapping = 1ul << 30;
constexpr std::chrono::milliseconds kRpcPatience(10000);

// The child's ends must not lie on 0..4, where posix_spawn puts them.
int Aside(int fd) {
  const int aside = fcntl(fd, F_DUPFD_CLOEXEC, 10);
  close(fd);
  return aside;
}

grpc::ClientContext& WithDeadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + kRpcPatience);
  return context;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PluginProcess>> PluginProcess::Spawn(const std::string& binary) {
  int service[2], pin[2], log[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, service) != 0 ||
      socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pin) != 0 ||
      pipe2(log, O_CLOEXEC) != 0) {
    return absl::InternalError("cannot make the plugin's sockets");
  }
  for (int* end : {&service[1], &pin[1], &log[1]}) *end = Aside(*end);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, log[1], 1);
  posix_spawn_file_actions_adddup2(&actions, log[1], 2);
  posix_spawn_file_actions_adddup2(&actions, service[1], plugin::kServiceFd);
  posix_spawn_file_actions_adddup2(&actions, pin[1], plugin::kPinFd);
  posix_spawn_file_actions_addclosefrom_np(&actions, plugin::kPinFd + 1);
  std::string path = binary;
  char* const arguments[] = {path.data(), nullptr};
  char* const environment[] = {nullptr};
  std::unique_ptr<PluginProcess> process(new PluginProcess);
  const int error =
      posix_spawn(&process->pid_, path.c_str(), &actions, nullptr, arguments, environment);
  posix_spawn_file_actions_destroy(&actions);
  for (const int end : {service[1], pin[1], log[1]}) close(end);
  process->pin_fd_ = pin[0];
  process->log_reader_ = std::thread([raw = process.get(), fd = log[0]] { raw->ReadLog(fd); });
  if (error != 0) {
    process->pid_ = -1;
    process->ended_ = true;
    close(service[0]);
    return absl::NotFoundError("cannot start " + binary + ": " + std::strerror(error));
  }
  process->pid_fd_ = static_cast<int>(syscall(SYS_pidfd_open, process->pid_, 0));
  // gRPC waits for ever on a descriptor that blocks, and closes its own with the channel.
  fcntl(service[0], F_SETFL, fcntl(service[0], F_GETFL) | O_NONBLOCK);
  process->service_fd_ = fcntl(service[0], F_DUPFD_CLOEXEC, 10);
  process->channel_ = grpc::CreateInsecureChannelFromFd("plugin", service[0]);
  return process;
}

absl::StatusOr<std::unique_ptr<PluginProcess>> PluginProcess::StartFolder(
    const std::string& folder, const std::map<std::string, std::string>& settings) {
  plugin::v1::Manifest manifest;
  absl::Status status = ReadTextproto(folder + "/plugin.textproto", &manifest);
  if (!status.ok()) return status;
  std::map<std::string, std::string> values;
  for (const auto& declared : manifest.setting()) {
    const auto given = settings.find(declared.name());
    std::string& value = values[declared.name()];
    value = given == settings.end() ? declared.default_value() : given->second;
    if (declared.type() != plugin::v1::SettingDeclaration::TYPE_FILE || value.empty()) continue;
    auto bytes = ReadFile(value);
    if (!bytes.ok()) return bytes.status();
    value = *std::move(bytes);
  }
  const std::string& binary = manifest.binary().empty() ? manifest.name() : manifest.binary();
  auto process = Spawn(folder + "/" + binary);
  if (!process.ok()) return process.status();
  (*process)->manifest_ = std::move(manifest);
  status = (*process)->Start(values);
  if (!status.ok()) return status;
  return process;
}

PluginProcess::~PluginProcess() {
  End();
  channel_.reset();
  if (log_reader_.joinable()) log_reader_.join();
  for (const int fd : {service_fd_, pin_fd_, pid_fd_}) {
    if (fd >= 0) close(fd);
  }
}

void PluginProcess::ReadLog(int fd) {
  std::array<char, 4096> buffer;
  while (true) {
    const ssize_t size = read(fd, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    std::lock_guard<std::mutex> lock(log_mutex_);
    log_.append(buffer.data(), size);
  }
  close(fd);
}

std::string PluginProcess::log() const {
  std::lock_guard<std::mutex> lock(log_mutex_);
  return log_;
}

bool PluginProcess::AwaitLog(const std::string& text, std::chrono::milliseconds patience) const {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (log().find(text) == std::string::npos) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

absl::Status PluginProcess::Start(const std::map<std::string, std::string>& settings) {
  const auto stub = plugin::v1::Plugin::NewStub(channel_);
  plugin::v1::HelloRequest hello;
  hello.add_host_version(plugin::kContractVersion);
  plugin::v1::HelloReply greeted;
  grpc::ClientContext first;
  absl::Status status = FromGrpc(stub->Hello(&WithDeadline(first), hello, &greeted));
  if (!status.ok()) return status;
  if (!manifest_.name().empty() &&
      (greeted.name() != manifest_.name() || greeted.kind() != manifest_.kind())) {
    return absl::FailedPreconditionError("Hello and plugin.textproto tell different names");
  }
  plugin::v1::StartRequest start;
  for (const auto& [name, value] : settings) (*start.mutable_setting())[name] = value;
  plugin::v1::StartReply started;
  grpc::ClientContext second;
  return FromGrpc(stub->Start(&WithDeadline(second), start, &started));
}

bool PluginProcess::SendPin(const std::string& token, std::span<const uint8_t> pin) const {
  std::array<uint8_t, kLongestPacket> packet{};
  if (token.size() != kTokenSize || pin.size() > packet.size() - kTokenSize) return false;
  std::copy(pin.begin(), pin.end(), std::copy(token.begin(), token.end(), packet.begin()));
  const ssize_t size = kTokenSize + pin.size();
  const bool sent = send(pin_fd_, packet.data(), size, MSG_NOSIGNAL) == size;
  madoguchi::Wipe(packet);
  return sent;
}

std::optional<size_t> PluginProcess::CopiesInMemory(std::span<const uint8_t> bytes) const {
  const std::string folder = "/proc/" + std::to_string(pid_);
  std::ifstream maps(folder + "/maps");
  const int memory = open((folder + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
  if (!maps || memory < 0 || bytes.empty()) return std::nullopt;
  size_t copies = 0;
  size_t seen = 0;
  std::string line;
  while (std::getline(maps, line)) {
    unsigned long begin, end;
    char mode[5];
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, mode) != 3 || mode[1] != 'w') {
      continue;
    }
    if (end - begin > kLargestMapping) continue;
    // In pieces that overlap by what could be cut.
    std::vector<uint8_t> piece(1 << 20);
    for (unsigned long at = begin; at < end;) {
      const size_t wanted = std::min<size_t>(piece.size(), end - at);
      const ssize_t size = pread(memory, piece.data(), wanted, static_cast<off_t>(at));
      if (size <= 0) break;  // Reserved and never touched, or the kernel's.
      seen += size;
      auto found = piece.begin();
      while ((found = std::search(found, piece.begin() + size, bytes.begin(), bytes.end())) !=
             piece.begin() + size) {
        ++copies;
        ++found;
      }
      if (static_cast<size_t>(size) < wanted || at + size == end) break;
      at += size - (bytes.size() - 1);
    }
  }
  close(memory);
  if (seen == 0) return std::nullopt;
  return copies;
}

std::optional<int> PluginProcess::Wait(std::chrono::milliseconds patience) {
  if (ended_) return std::nullopt;
  pollfd watched{pid_fd_, POLLIN, 0};
  const auto deadline = std::chrono::steady_clock::now() + patience;
  int ready;
  do {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    ready = poll(&watched, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0) return std::nullopt;
  int status = 0;
  waitpid(pid_, &status, 0);
  ended_ = true;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::optional<int> PluginProcess::End(std::chrono::milliseconds patience) {
  if (ended_) return std::nullopt;
  shutdown(service_fd_, SHUT_RDWR);
  const std::optional<int> status = Wait(patience);
  if (!status.has_value()) Kill();
  return status;
}

void PluginProcess::Kill() {
  if (ended_) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  ended_ = true;
}

}  // namespace madoguchi::conformance
