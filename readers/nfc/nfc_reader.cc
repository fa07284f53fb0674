#include "readers/nfc/nfc_reader.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "readers/nfc/libnfc_ports.h"
#include "sdk/failure/failure.h"

namespace madoguchi::nfc {
namespace {

using namespace check::v1;  // NOLINT: the failure codes.

constexpr std::array<const char*, 3> kDrivers = {"pn532_uart", "arygon", "acr122s"};
constexpr int64_t kSlowest = 9600, kFastest = 4'000'000;
constexpr int64_t kShortestPoll = 50, kLongestPoll = 2000;
constexpr size_t kMostDevices = 16;
constexpr std::chrono::milliseconds kStopPatience(300);
// libnfc waits with select(), which has no place for a descriptor above.
constexpr rlim_t kMostDescriptors = 1024;

absl::Status Wrong(const std::string& setting, const std::string& value,
                   const std::string& expected) {
  return absl::InvalidArgumentError("setting " + setting + " is \"" + value + "\"; expected " +
                                    expected);
}

absl::StatusOr<std::vector<std::string>> PathsOf(const std::string& value) {
  std::vector<std::string> paths;
  std::istringstream words(value);
  for (std::string path; words >> path;) {
    // libnfc takes what follows a colon for the speed.
    if (path.front() != '/' || path.find(':') != path.npos || path.size() > 255) {
      return Wrong("devices", value, "absolute paths of serial devices, without a colon");
    }
    if (std::find(paths.begin(), paths.end(), path) != paths.end()) {
      return Wrong("devices", value, "each device once");
    }
    paths.push_back(path);
  }
  if (paths.size() > kMostDevices) return Wrong("devices", value, "16 devices at most");
  return paths;
}

void LowerDescriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= kMostDescriptors) return;
  limit.rlim_cur = kMostDescriptors;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

NfcReader::~NfcReader() {
  // Their threads publish here.
  for (const auto& slot : slots_) slot->Stop();
  slots_.clear();
}

absl::Status NfcReader::Start(const plugin::Settings& settings) {
  const auto devices = settings.Text("devices");
  if (!devices.ok()) return devices.status();
  const auto driver = settings.Text("driver");
  if (!driver.ok()) return driver.status();
  const auto speed = settings.Integer("speed", kSlowest, kFastest);
  if (!speed.ok()) return speed.status();
  const auto poll = settings.Integer("poll_ms", kShortestPoll, kLongestPoll);
  if (!poll.ok()) return poll.status();
  const auto paths = PathsOf(*devices);
  if (!paths.ok()) return paths.status();
  if (std::find(kDrivers.begin(), kDrivers.end(), *driver) == kDrivers.end()) {
    return Wrong("driver", *driver, "pn532_uart, arygon or acr122s");
  }
  LowerDescriptors();
  // Before the first call of libnfc: it looks for no devices by itself, and never logs what passes,
  // which may be a PIN.
  setenv("LIBNFC_AUTO_SCAN", "false", 1);
  setenv("LIBNFC_LOG_LEVEL", "0", 1);
  if (ports_ == nullptr) {
    own_ports_ = std::make_unique<LibnfcPorts>(*driver, *speed);
    ports_ = own_ports_.get();
    timing_.poll = std::chrono::milliseconds(*poll);
  }
  for (const std::string& path : *paths) {
    slots_.push_back(std::make_unique<NfcSlot>(*ports_, path, timing_, [this] { Publish(); }));
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    started_ = true;
  }
  Publish();
  return absl::OkStatus();
}

void NfcReader::Stop() {
  for (const auto& slot : slots_) slot->Stop();
  const auto deadline = std::chrono::steady_clock::now() + kStopPatience;
  for (const auto& slot : slots_) {
    const auto left = deadline - std::chrono::steady_clock::now();
    slot->AwaitStopped(std::max(std::chrono::duration_cast<std::chrono::milliseconds>(left),
                                std::chrono::milliseconds(0)));
  }
}

void NfcReader::Publish() {
  std::lock_guard<std::mutex> lock(mutex_);
  // The list of slots is not whole yet.
  if (!started_) return;
  reader::v1::Snapshot snapshot;
  snapshot.set_service(reader::v1::SERVICE_RUNNING);
  if (slots_.empty()) {
    *snapshot.mutable_trouble() =
        Describe(FAILURE_CODE_READERS_NOT_CHOSEN, "the setting devices is empty");
  }
  for (const auto& slot : slots_) {
    if (const auto state = slot->State()) *snapshot.add_reader() = *state;
  }
  board().Publish(std::move(snapshot));
}

absl::StatusOr<reader::v1::OpenReply> NfcReader::Open(const reader::v1::OpenRequest& request) {
  const auto slot = std::find_if(slots_.begin(), slots_.end(), [&](const auto& slot) {
    return slot->name() == request.reader();
  });
  if (slot == slots_.end()) return FailureStatus(FAILURE_CODE_READER_LOST, "no such reader");
  uint64_t session;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (ending_) return FailureStatus(FAILURE_CODE_READER_LOST, "the plugin is started anew");
    session = ++last_session_;
    sessions_[session] = slot->get();
  }
  auto atr = (*slot)->Open(session, request.insertion());
  if (!atr.ok()) {
    std::lock_guard<std::mutex> lock(mutex_);
    sessions_.erase(session);
    return atr.status();
  }
  reader::v1::OpenReply reply;
  reply.set_session(session);
  reply.set_atr(*std::move(atr));
  return reply;
}

NfcSlot* NfcReader::SlotOf(uint64_t session) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? nullptr : found->second;
}

absl::StatusOr<std::vector<uint8_t>> NfcReader::Transmit(uint64_t session,
                                                         std::span<const uint8_t> command) {
  NfcSlot* const slot = SlotOf(session);
  if (slot == nullptr) return FailureStatus(FAILURE_CODE_READER_LOST, "no such session");
  return slot->Transmit(session, command, /*secret=*/false);
}

absl::StatusOr<std::vector<uint8_t>> NfcReader::TransmitPin(uint64_t session,
                                                            plugin::PinCommand& command) {
  NfcSlot* const slot = SlotOf(session);
  if (slot == nullptr) return FailureStatus(FAILURE_CODE_READER_LOST, "no such session");
  return slot->Transmit(session, command.bytes(), /*secret=*/true);
}

void NfcReader::Close(uint64_t session) {
  NfcSlot* const slot = SlotOf(session);
  if (slot == nullptr) return;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    sessions_.erase(session);
  }
  slot->Close(session);
  EndIfWorn();
}

void NfcReader::EndIfWorn() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (ending_ || !sessions_.empty() || !ports_->worn()) return;
    ending_ = true;
  }
  std::fprintf(
      stderr,
      "libnfc has lost too many descriptors; this process ends, to begin with all of them\n");
  // Close is answered meanwhile.
  std::thread([this] {
    Stop();
    _exit(0);
  }).detach();
}

}  // namespace madoguchi::nfc
