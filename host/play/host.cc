#include "host/play/host.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "host/desk/local_door.h"
#include "host/desk/remote_door.h"
#include "host/play/stage.h"
#include "sdk/failure/failure.h"
#include "sdk/textproto/textproto.h"

namespace madoguchi::play {
namespace {

using check::v1::FAILURE_CODE_PLUGIN_UNKNOWN;

constexpr char kMark[] = "nothing-here-is-real";
constexpr size_t kLongestSocketPath = 107;

// A played host has none.
class NoPlugins final : public PluginDesk {
 public:
  std::vector<desk::v1::PluginRow> List() const override { return {}; }
  std::vector<std::string> JailLacks() const override { return {}; }
  absl::StatusOr<desk::v1::InspectPluginReply> Inspect(const std::string& name) const override {
    return Unknown(name);
  }
  absl::Status Approve(const desk::v1::ApprovePluginRequest& request, const std::string&,
                       const std::string&) override {
    return Unknown(request.name());
  }
  absl::Status Revoke(const std::string& name) override { return Unknown(name); }
  absl::Status Restart(const std::string& name) override { return Unknown(name); }

 private:
  static absl::Status Unknown(const std::string& name) {
    return FailureStatus(FAILURE_CODE_PLUGIN_UNKNOWN, name + ": a played host has no plugins");
  }
};

// The readers of all stages, for who asks for a card by its reader's name.
class AllReaders final : public ReaderPort {
 public:
  explicit AllReaders(const std::vector<std::unique_ptr<Stage>>& stages) : stages_(stages) {}
  absl::StatusOr<std::unique_ptr<CardSession>> Open(const CardSeen& card,
                                                    const CallLimits& limits) override {
    for (const auto& stage : stages_) {
      if (stage->plugin() == card.plugin) return stage->world().reader_port->Open(card, limits);
    }
    return FailureStatus(check::v1::FAILURE_CODE_READER_LOST, card.place());
  }

 private:
  const std::vector<std::unique_ptr<Stage>>& stages_;
};

class RunningPlay final : public PlayedHost {
 public:
  ~RunningPlay() override {
    errands_.RequestStop();
    local_.reset();
    remote_.reset();
    for (auto& [name, counter] : house_.counters) counter->RequestStop();
    for (auto& stage : stages_) stage->Stop();
    house_.counters.clear();
    stages_.clear();
    std::error_code error;
    if (temporary_) std::filesystem::remove_all(state_path_, error);
  }

  absl::Status Open(const script::Script& script, const Options& options) {
    if (absl::Status taken = TakeStateFolder(options.state_folder); !taken.ok()) return taken;
    auto keys = HostKeys::Load(state_path_);
    if (!keys.ok()) return keys.status();
    keys_ = *std::move(keys);
    auto devices = Devices::Load(state_path_ + "/devices.textproto");
    if (!devices.ok()) return devices.status();
    devices_ = *std::move(devices);
    house_.host_id = kHostId;
    house_.readers = &table_;
    house_.devices = devices_.get();
    house_.keys = keys_.get();
    house_.plugins = &plugins_;
    const int counters = script.counters() == 0 ? 1 : static_cast<int>(script.counters());
    for (int number = 1; number <= counters; ++number) {
      stages_.push_back(
          std::make_unique<Stage>(script, number, options.speed, &table_, keys_.get()));
      house_.counters[stages_.back()->name()] = stages_.back()->MakeCounter();
    }
    world_ = stages_.front()->world();
    world_.reader_port = &all_readers_;
    house_.world = &world_;
    house_.errands = &errands_;
    return OpenDoors(options);
  }

  const std::string& socket() const override { return socket_; }
  const std::string& address() const override { return address_; }

 private:
  absl::Status TakeStateFolder(const std::string& wanted) {
    if (wanted.empty()) {
      char path[] = "/tmp/madoguchi-play-XXXXXX";
      if (mkdtemp(path) == nullptr) {
        return absl::UnavailableError(std::string(path) + ": " + std::strerror(errno));
      }
      state_path_ = path;
      temporary_ = true;
    } else {
      std::error_code error;
      state_path_ = std::filesystem::absolute(wanted, error).lexically_normal().string();
      if (mkdir(state_path_.c_str(), 0700) != 0 && errno != EEXIST) {
        return absl::UnavailableError(state_path_ + ": " + std::strerror(errno));
      }
      // The keys of a real host must never sign what is played: its screens would believe it.
      const bool empty = std::filesystem::is_empty(state_path_, error) && !error;
      if (!empty && !std::filesystem::exists(state_path_ + "/" + kMark, error)) {
        return absl::FailedPreconditionError(
            state_path_ +
            ": expected an empty folder, or one of another play; a play never works "
            "with the keys of a host that is real");
      }
    }
    state_folder_ = Fd(open(state_path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (flock(state_folder_.get(), LOCK_EX | LOCK_NB) != 0) {
      return absl::AlreadyExistsError(state_path_ + ": another madoguchid works with it");
    }
    return WriteFile(state_path_ + "/" + kMark, "A folder of `madoguchid --play`.\n", 0600);
  }

  absl::Status OpenDoors(const Options& options) {
    if (!options.address.empty()) {
      auto door = RemoteDoor::Open(options.address, house_);
      if (!door.ok()) return door.status();
      remote_ = *std::move(door);
      address_ = remote_->address();
    }
    std::error_code error;
    socket_ = options.socket.empty()
                  ? state_path_ + "/desk.sock"
                  : std::filesystem::absolute(options.socket, error).lexically_normal().string();
    if (socket_.size() > kLongestSocketPath) {
      return absl::InvalidArgumentError(socket_ +
                                        ": expected at most 107 bytes, as many as a "
                                        "socket's path may have");
    }
    LocalDoor::Guests guests;
    guests.roles[getuid()] = {check::v1::ROLE_STAFF, check::v1::ROLE_PATIENT,
                              check::v1::ROLE_ADMIN};
    auto door = LocalDoor::Open(socket_, house_, std::move(guests));
    if (!door.ok()) return door.status();
    local_ = *std::move(door);
    return absl::OkStatus();
  }

  std::string state_path_, socket_, address_;
  bool temporary_ = false;
  Fd state_folder_;
  ReaderTable table_;
  NoPlugins plugins_;
  std::unique_ptr<HostKeys> keys_;
  std::unique_ptr<Devices> devices_;
  std::vector<std::unique_ptr<Stage>> stages_;
  AllReaders all_readers_{stages_};
  World world_;
  House house_;
  Errands errands_;
  std::unique_ptr<RemoteDoor> remote_;
  std::unique_ptr<LocalDoor> local_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<PlayedHost>> PlayedHost::Start(const script::Script& script,
                                                              const Options& options) {
  auto host = std::make_unique<RunningPlay>();
  if (absl::Status opened = host->Open(script, options); !opened.ok()) return opened;
  return host;
}

}  // namespace madoguchi::play
