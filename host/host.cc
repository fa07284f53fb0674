#include "host/host.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "host/check/record_line.h"
#include "host/config.h"
#include "host/desk/local_door.h"
#include "host/desk/remote_door.h"
#include "host/loader/plugin_journal.h"
#include "host/loader/plugins.h"
#include "sdk/redact/redact.h"
#include "sdk/textproto/textproto.h"

namespace madoguchi {
namespace {

using check::v1::Role;

// How often the plugins' states are looked at for the log.
constexpr std::chrono::seconds kJournalPeriod(1);

// Where madoguchid lies, and its launcher beside it.
std::string OwnFolder() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

// A counter that takes any reader leaves alone those that others name: a card that is laid there is
// for them.
Places ReadersOf(const host::Config& config, const host::CounterConfig& counter) {
  std::set<std::string> others;
  for (const auto& one : config.counter()) {
    others.insert(one.reader().begin(), one.reader().end());
  }
  return {{counter.reader().begin(), counter.reader().end()}, others};
}

class RunningHost final : public Host {
 public:
  RunningHost(const host::Config& config, const std::string& base, bool verbose)
      : config_(config), base_(base), verbose_(verbose), readers_(table_) {}

  absl::Status Open(const TextPlaces& places) {
    if (absl::Status taken = TakeStateFolder(); !taken.ok()) return taken;
    auto keys = HostKeys::Load(config_.state_folder());
    if (!keys.ok()) return keys.status();
    keys_ = *std::move(keys);
    auto devices = Devices::Load(config_.state_folder() + "/devices.textproto");
    if (!devices.ok()) return devices.status();
    devices_ = *std::move(devices);
    const auto wrong_anchors = [&](const std::string& what) {
      return absl::InvalidArgumentError(places.Of("trust_anchors") + ": trust_anchors: " + what);
    };
    const auto pem = ReadFile(config_.trust_anchors());
    if (!pem.ok()) return wrong_anchors(std::string(pem.status().message()));
    auto anchors = TrustAnchors::FromPem(*pem);
    if (!anchors.ok()) {
      return wrong_anchors(config_.trust_anchors() + ": " +
                           std::string(anchors.status().message()));
    }
    anchors_ = std::make_unique<TrustAnchors>(*std::move(anchors));
    for (const std::string& wrong : MisplacedPlugins(config_, places)) {
      std::fprintf(stderr, "madoguchid: %s\n", wrong.c_str());
    }
    StartPlugins(places);
    MakeWorld();
    return OpenDoors();
  }

  ~RunningHost() override {
    journal_ = {};
    errands_.RequestStop();
    house_.clerk->RequestStop();
    local_.reset();
    remote_.reset();
    // All are asked first, so that they end side by side.
    for (auto& [name, counter] : house_.counters) counter->RequestStop();
    for (auto& [name, counter] : house_.counters) counter->Stop();
    if (plugins_) plugins_->RequestStop();
    house_.counters.clear();
    plugins_.reset();
  }

 private:
  // Made where it is missing, and this host's alone while it runs.
  absl::Status TakeStateFolder() {
    const std::string& path = config_.state_folder();
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
    if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) {
      state_folder_ = Fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (flock(state_folder_.get(), LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
      if (errno == EWOULDBLOCK) {
        return absl::AlreadyExistsError("state_folder " + path +
                                        ": another madoguchid works with it; stop it first");
      }
    }
    return absl::UnavailableError("state_folder " + path + ": " + std::strerror(errno));
  }

  void StartPlugins(const TextPlaces& places) {
    std::vector<Plugins::Configured> configured;
    for (int n = 0; n < config_.plugin_size(); ++n) {
      const host::PluginConfig& plugin = config_.plugin(n);
      const std::string field = "plugin[" + std::to_string(n) + "]";
      Plugins::Configured& one = configured.emplace_back();
      one.name = plugin.name();
      one.settings.place = places.Of(field);
      for (int i = 0; i < plugin.setting_size(); ++i) {
        const std::string value = field + ".setting[" + std::to_string(i) + "].value";
        one.settings.setting[plugin.setting(i).name()] = {plugin.setting(i).value(),
                                                          places.Of(value)};
      }
    }
    plugins_ = std::make_unique<Plugins>(
        configured,
        Plugins::Place{config_.plugin_folder(), base_, config_.state_folder(),
                       OwnFolder() + "/madoguchi-jail", ControlGroups::TakeOver()},
        &readers_);
    journal_ = std::jthread([this](std::stop_token stopping) { KeepJournal(std::move(stopping)); });
  }

  void KeepJournal(std::stop_token stopping) {
    PluginJournal journal;
    std::mutex mutex;
    std::condition_variable_any stop;
    std::unique_lock<std::mutex> lock(mutex);
    while (!stopping.stop_requested()) {
      for (const auto& line : journal.Take(plugins_->Rows(), std::chrono::steady_clock::now())) {
        std::fprintf(stderr, "%s\n", line.c_str());
      }
      stop.wait_for(lock, stopping, kJournalPeriod, [] { return false; });
    }
  }

  void MakeWorld() {
    authority_ = std::make_unique<PluginAuthority>(plugins_->LivesOf(config_.authority().plugin()));
    world_.readers = &table_;
    world_.reader_port = &readers_;
    world_.authority = authority_.get();
    world_.signer = keys_.get();
    world_.anchors = anchors_.get();
    world_.host_id = config_.host_id();
    world_.authority_id = config_.authority().id();
    world_.allowance.visual = config_.visual_allowed();
    world_.limits = LimitsOf(config_.limits());
    world_.finished = [verbose = verbose_](const check::v1::Record& record) {
      std::fprintf(stderr, "%s\n", RecordLine(record).c_str());
      if (verbose) std::fprintf(stderr, "%s\n", Redacted(record).c_str());
    };
    for (const auto& method : config_.method()) {
      policies_.push_back(std::make_unique<PluginPolicy>(plugins_->LivesOf(method.plugin())));
      methods_.push_back({method.id(), method.label(), policies_.back().get()});
    }
    house_.host_id = config_.host_id();
    house_.readers = &table_;
    house_.devices = devices_.get();
    house_.keys = keys_.get();
    house_.plugins = plugins_.get();
    house_.world = &world_;
    house_.errands = &errands_;
    for (const auto& counter : config_.counter()) {
      house_.counters[counter.name()] = std::make_unique<Counter>(
          world_, methods_, Counter::Place{counter.name(), ReadersOf(config_, counter)});
    }
  }

  absl::Status OpenDoors() {
    if (!config_.desk().address().empty()) {
      auto door = RemoteDoor::Open(config_.desk().address(), house_);
      if (!door.ok()) return door.status();
      remote_ = *std::move(door);
    }
    LocalDoor::Guests guests;
    guests.roles[getuid()] = {check::v1::ROLE_STAFF, check::v1::ROLE_PATIENT,
                              check::v1::ROLE_ADMIN};
    for (const auto& user : config_.desk().local_user()) {
      for (const int role : user.role()) guests.roles[user.uid()].insert(static_cast<Role>(role));
    }
    guests.is_plugin = [this](pid_t pid) { return plugins_->TurnsAway(pid); };
    auto door = LocalDoor::Open(config_.desk().socket(), house_, std::move(guests));
    if (!door.ok()) return door.status();
    local_ = *std::move(door);
    return absl::OkStatus();
  }

  const host::Config config_;
  const std::string base_;
  const bool verbose_;
  Fd state_folder_;
  ReaderTable table_;
  PluginReaders readers_;
  std::unique_ptr<HostKeys> keys_;
  std::unique_ptr<Devices> devices_;
  std::unique_ptr<TrustAnchors> anchors_;
  std::unique_ptr<Plugins> plugins_;
  std::unique_ptr<PluginAuthority> authority_;
  std::vector<std::unique_ptr<PluginPolicy>> policies_;
  std::vector<Method> methods_;
  World world_;
  House house_;
  Errands errands_;
  std::unique_ptr<RemoteDoor> remote_;
  std::unique_ptr<LocalDoor> local_;
  std::jthread journal_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Host>> Host::Start(const host::Config& config,
                                                  const TextPlaces& places, const std::string& base,
                                                  bool verbose) {
  auto host = std::make_unique<RunningHost>(config, base, verbose);
  if (absl::Status opened = host->Open(places); !opened.ok()) return opened;
  return host;
}

}  // namespace madoguchi
