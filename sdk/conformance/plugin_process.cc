#include "sdk/conformance/plugin_process.h"

#include <fcntl.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel_posix.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
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

grpc::ClientContext& WithDeadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + kRpcPatience);
  return context;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PluginProcess>> PluginProcess::Spawn(const std::string& binary) {
  auto spawned = madoguchi::Spawn({binary}, /*program=*/-1, /*pin_lane=*/true);
  if (!spawned.ok()) return spawned.status();
  return Of(*std::move(spawned), Wire::kGrpc);
}

absl::StatusOr<std::unique_ptr<PluginProcess>> PluginProcess::SpawnJailed(
    const PluginImage& image, const Jail& jail, const std::string& launcher, Wire wire) {
  auto spawned = madoguchi::Spawn(LauncherArguments(launcher, jail, kProgramFd, getpid()),
                                  image.program.get(), jail.pin_lane, jail.notices);
  if (!spawned.ok()) return spawned.status();
  auto process = Of(*std::move(spawned), wire);
  process->manifest_ = image.folder.manifest;
  return process;
}

std::unique_ptr<PluginProcess> PluginProcess::Of(Spawned spawned, Wire wire) {
  std::unique_ptr<PluginProcess> process(new PluginProcess);
  process->pid_ = spawned.pid;
  process->pid_fd_ = spawned.pid_fd.Release();
  process->pin_fd_ = spawned.pin.Release();
  process->notices_ = std::move(spawned.notices);
  fcntl(spawned.log.get(), F_SETFL, 0);  // a thread of its own waits on it
  process->log_reader_ =
      std::thread([raw = process.get(), fd = spawned.log.Release()] { raw->ReadLog(fd); });
  process->service_fd_ = fcntl(spawned.service.get(), F_DUPFD_CLOEXEC, 10);
  if (wire == Wire::kGrpc) {
    // gRPC closes its own with the channel.
    process->channel_ = grpc::CreateInsecureChannelFromFd("plugin", spawned.service.Release());
  }
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
  if (ended_) return status_;
  pollfd watched{pid_fd_, POLLIN, 0};
  const auto deadline = std::chrono::steady_clock::now() + patience;
  int ready;
  do {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    ready = poll(&watched, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0) return std::nullopt;
  // What it may have left behind holds its log.
  kill(-pid_, SIGKILL);
  int status = 0;
  waitpid(pid_, &status, 0);
  ended_ = true;
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (!asked_to_end_ || WIFSIGNALED(status)) fell_ = status_;
  return status_;
}

std::optional<int> PluginProcess::End(std::chrono::milliseconds patience) {
  // One that has ended already was not asked to.
  if (ended_ || Wait(std::chrono::milliseconds(0))) return status_;
  asked_to_end_ = true;
  shutdown(service_fd_, SHUT_RDWR);
  const std::optional<int> status = Wait(patience);
  if (!status.has_value()) Kill();
  return status;
}

std::optional<int> PluginProcess::Fell(std::chrono::milliseconds patience) {
  if (!asked_to_end_) (void)Wait(patience);
  return fell_;
}

std::string PluginProcess::TakeLog() {
  End();
  if (log_reader_.joinable()) log_reader_.join();
  return log();
}

void PluginProcess::Kill() {
  if (ended_) return;
  kill(-pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  ended_ = true;
}

}  // namespace madoguchi::conformance
