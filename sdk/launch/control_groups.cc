#include "sdk/launch/control_groups.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace madoguchi {
namespace {

using std::chrono::steady_clock;

constexpr char kOwnGroup[] = "host";
constexpr char kPluginGroup[] = "plugin-";
// What was killed in a group leaves it a moment later.
constexpr std::chrono::milliseconds kRemoval(1000), kBetweenTries(5);

absl::Status Missing(const std::string& what) { return absl::UnavailableError(what); }

absl::Status SystemError(const std::string& what) { return Missing(what + ": " + strerror(errno)); }

bool Write(const std::string& file, const std::string& text) {
  const Fd open_file(open(file.c_str(), O_WRONLY | O_CLOEXEC));
  return open_file.get() >= 0 &&
         write(open_file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

bool HasWord(const std::string& file, const std::string& word) {
  std::ifstream words(file);
  for (std::string one; words >> one;) {
    if (one == word) return true;
  }
  return false;
}

// Where the second version is mounted, and which group is at the root of what is seen there.
struct Mount {
  std::string path, root;
};

Mount FindMount(const std::string& mounts) {
  std::ifstream lines(mounts);
  for (std::string line; std::getline(lines, line);) {
    // proc(5): ID PARENT DEVICE ROOT PATH ..., and after " - " the type.
    if (line.find(" - cgroup2 ") == line.npos) continue;
    std::istringstream words(line);
    std::string word;
    Mount mount;
    words >> word >> word >> word >> mount.root >> mount.path;
    return mount;
  }
  return {};
}

// The folder of the group in which this process is; empty when there is none.
std::string OwnFolder(const ControlGroups::System& system) {
  const Mount mount = FindMount(system.mounts);
  if (mount.path.empty()) return "";
  std::ifstream lines(system.membership);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("0::/")) continue;
    std::string group = line.substr(3);
    if (mount.root != "/" && group.starts_with(mount.root)) group.erase(0, mount.root.size());
    if (group == "/") group.clear();
    // Outside of what its namespace shows.
    if (group.starts_with("/..")) return "";
    return mount.path + group;
  }
  return "";
}

// systemd.exec(5) calls it so; the older name is for root's eyes alone.
bool IsDelegated(const std::string& folder) {
  char yes[8];
  for (const char* attribute : {"user.delegate", "trusted.delegate"}) {
    if (getxattr(folder.c_str(), attribute, yes, sizeof(yes)) == 1 && yes[0] == '1') return true;
  }
  return false;
}

bool HoldsOthers(const std::string& folder) {
  std::ifstream processes(folder + "/cgroup.procs");
  for (pid_t pid; processes >> pid;) {
    if (pid != getpid()) return true;
  }
  return false;
}

void Remove(const std::string& folder) {
  const auto until = steady_clock::now() + kRemoval;
  // Since Linux 5.14; before, its processes' group has been killed, or they died with their host.
  (void)Write(folder + "/cgroup.kill", "1");
  while (rmdir(folder.c_str()) != 0 && errno == EBUSY && steady_clock::now() < until) {
    std::this_thread::sleep_for(kBetweenTries);
  }
}

}  // namespace

ControlGroup::~ControlGroup() { Remove(folder_); }

bool ControlGroup::RanOutOfMemory() const {
  std::ifstream events(folder_ + "/memory.events");
  std::string event;
  for (long times = 0; events >> event >> times;) {
    if (event == "oom_kill" && times > 0) return true;
  }
  return false;
}

absl::StatusOr<std::unique_ptr<ControlGroups>> ControlGroups::TakeOver(const System& system) {
  std::string folder = OwnFolder(system);
  if (folder.empty()) return Missing("this host is in no control group of version 2");
  // Where it was put by DelegateSubgroup=, or by itself before it was executed anew.
  const bool is_in_place = std::filesystem::path(folder).filename() == kOwnGroup;
  if (is_in_place) folder = std::filesystem::path(folder).parent_path();
  if (!HasWord(folder + "/cgroup.controllers", "memory")) {
    return Missing("the controller memory is not given to the control group " + folder);
  }
  for (const char* file : {"", "/cgroup.procs", "/cgroup.subtree_control"}) {
    if (access((folder + file).c_str(), W_OK) != 0) {
      return Missing("the control group " + folder + " is not delegated to this host");
    }
  }
  if (access(system.systemd.c_str(), F_OK) == 0 && !IsDelegated(folder)) {
    return Missing("systemd has not delegated the control group " + folder + " to this host");
  }
  if (HoldsOthers(folder)) {
    return Missing("the control group " + folder + " holds other processes than this host");
  }
  const std::string own = folder + "/" + kOwnGroup;
  if (mkdir(own.c_str(), 0755) != 0 && errno != EEXIST) return SystemError(own);
  if (!is_in_place && !Write(own + "/cgroup.procs", "0")) return SystemError(own);
  const bool counts_threads = HasWord(folder + "/cgroup.controllers", "pids");
  if (!Write(folder + "/cgroup.subtree_control", counts_threads ? "+memory +pids" : "+memory")) {
    const absl::Status why = SystemError(folder + "/cgroup.subtree_control");
    if (!is_in_place) (void)Write(folder + "/cgroup.procs", "0");
    return why;
  }
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
    if (entry.path().filename().string().starts_with(kPluginGroup)) Remove(entry.path());
  }
  return std::unique_ptr<ControlGroups>(new ControlGroups(folder));
}

absl::StatusOr<std::unique_ptr<ControlGroup>> ControlGroups::Make(const std::string& name,
                                                                  int memory_mib,
                                                                  int threads) const {
  static std::atomic<int> lives = 0;
  const std::string folder = folder_ + "/" + kPluginGroup + name + "-" + std::to_string(++lives);
  if (mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) return SystemError(folder);
  const std::string procs = folder + "/cgroup.procs";
  auto group =
      std::make_unique<ControlGroup>(folder, Fd(open(procs.c_str(), O_WRONLY | O_CLOEXEC)));
  if (group->entrance() < 0) return SystemError(procs);
  const std::string most =
      memory_mib > 0 ? std::to_string(int64_t{memory_mib} * 1024 * 1024) : "max";
  if (!Write(folder + "/memory.max", most)) return SystemError(folder + "/memory.max");
  // Not there: a kernel without swap, one before 4.19, no controller pids.
  (void)Write(folder + "/memory.swap.max", "0");
  (void)Write(folder + "/memory.oom.group", "1");
  (void)Write(folder + "/pids.max", std::to_string(threads));
  return group;
}

}  // namespace madoguchi
