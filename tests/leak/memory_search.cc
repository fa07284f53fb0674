#include "tests/leak/memory_search.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace madoguchi::leak {
namespace {

constexpr uint64_t kShadow = uint64_t{1} << 40;
constexpr size_t kMostAtOnce = 8 << 20;
constexpr std::chrono::seconds kStopPatience(10);

struct Mapping {
  uint64_t begin = 0, end = 0;
  std::string name;  // with permissions
  bool shared = false, resident = false;
};

class File {
 public:
  File(pid_t pid, const std::string& name)
      : path_("/proc/" + std::to_string(pid) + "/" + name),
        fd_(open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool ok() const { return fd_ >= 0; }
  // As much of `size` bytes at `at` as there is.
  size_t Read(uint64_t at, char* out, size_t size) const {
    size_t whole = 0;
    while (whole < size) {
      const ssize_t part = pread(fd_, out + whole, size - whole, static_cast<off_t>(at + whole));
      if (part <= 0) break;
      whole += part;
    }
    return whole;
  }
  absl::Status Broken() const {
    return absl::UnavailableError(path_ + ": " + std::strerror(errno));
  }

 private:
  const std::string path_;
  const int fd_;
};

std::vector<Mapping> MappingsOf(pid_t pid) {
  std::vector<Mapping> mappings;
  std::ifstream smaps("/proc/" + std::to_string(pid) + "/smaps");
  for (std::string line; std::getline(smaps, line);) {
    unsigned long begin, end, kilobytes;
    char permissions[8] = "", unit[8] = "";
    int name = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx %4s %*s %*s %*s %n", &begin, &end, permissions, &name) >=
        3) {
      Mapping& mapping = mappings.emplace_back();
      mapping.begin = begin;
      mapping.end = end;
      mapping.name = line.size() > static_cast<size_t>(name) ? line.substr(name) : "anonymous";
      mapping.name += std::string(" ") + permissions;
      mapping.shared = permissions[3] == 's';
    } else if (!mappings.empty() &&
               (std::sscanf(line.c_str(), "Rss: %lu %7s", &kilobytes, unit) == 2 ||
                std::sscanf(line.c_str(), "Swap: %lu %7s", &kilobytes, unit) == 2)) {
      mappings.back().resident |= kilobytes > 0;
    }
  }
  return mappings;
}

// Runs of pages of `mapping` that have a content of their own.
absl::StatusOr<std::vector<std::pair<uint64_t, uint64_t>>> RunsOf(const Mapping& mapping,
                                                                  const File& pagemap) {
  std::vector<std::pair<uint64_t, uint64_t>> runs;
  if (mapping.shared) return {{{mapping.begin, mapping.end}}};
  const uint64_t page = sysconf(_SC_PAGESIZE);
  std::vector<uint64_t> entries((mapping.end - mapping.begin) / page);
  const size_t size = entries.size() * sizeof(uint64_t);
  if (pagemap.Read(mapping.begin / page * sizeof(uint64_t), reinterpret_cast<char*>(entries.data()),
                   size) != size) {
    return pagemap.Broken();
  }
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i] >> 62 == 0) continue;  // neither present nor swapped out
    const uint64_t at = mapping.begin + i * page;
    if (!runs.empty() && runs.back().second == at) {
      runs.back().second += page;
    } else {
      runs.emplace_back(at, at + page);
    }
  }
  return runs;
}

bool AllStand(pid_t pid) {
  std::error_code error;
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", error)) {
    std::ifstream file(task.path() / "stat");
    std::stringstream text;
    text << file.rdbuf();
    const std::string stat = text.str();
    const size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos || name_end + 2 >= stat.size()) continue;  // It is gone.
    if (std::strchr("TtXZ", stat[name_end + 2]) == nullptr) return false;
  }
  return !error;
}

void Add(const Found& part, uint64_t offset, Found* whole) {
  whole->bytes_read += part.bytes_read;
  for (Hit hit : part.hits) {
    hit.offset += offset;
    whole->hits.push_back(std::move(hit));
  }
}

}  // namespace

absl::StatusOr<Found> SearchStopped(pid_t pid, const std::vector<Needle>& needles) {
  const File memory(pid, "mem"), pagemap(pid, "pagemap");
  if (!memory.ok()) return memory.Broken();
  if (!pagemap.ok()) return pagemap.Broken();
  Found found;
  std::vector<char> bytes;
  for (const Mapping& mapping : MappingsOf(pid)) {
    if (mapping.end - mapping.begin > kShadow) continue;
    if (mapping.name.starts_with("[v")) continue;  // [vvar], [vdso], [vsyscall]: the kernel's
    if (!mapping.resident && !mapping.shared) continue;
    const auto runs = RunsOf(mapping, pagemap);
    if (!runs.ok()) return runs.status();
    for (const auto& [begin, end] : *runs) {
      // Pieces overlap by more than the longest needle.
      for (uint64_t at = begin; at < end; at += kMostAtOnce - 64) {
        bytes.resize(std::min<uint64_t>(kMostAtOnce, end - at));
        const size_t size = memory.Read(at, bytes.data(), bytes.size());
        // What nobody can read (a device's memory, a file that was cut) has no copy of ours.
        if (size < bytes.size() && !mapping.shared) return memory.Broken();
        Add(SearchBytes({bytes.data(), size}, mapping.name, needles), at - mapping.begin, &found);
        if (end - at <= kMostAtOnce) break;
      }
    }
  }
  if (found.bytes_read == 0) return absl::UnavailableError("nothing of the process can be read");
  return found;
}

absl::StatusOr<Found> SearchProcess(pid_t pid, const std::vector<Needle>& needles) {
  if (pid <= 0 || kill(pid, SIGSTOP) != 0) {
    return absl::UnavailableError("process " + std::to_string(pid) + " cannot be stopped");
  }
  const auto until = std::chrono::steady_clock::now() + kStopPatience;
  bool stands;
  while (!(stands = AllStand(pid)) && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  absl::StatusOr<Found> found = absl::DeadlineExceededError("its threads do not stop");
  if (stands) found = SearchStopped(pid, needles);
  kill(pid, SIGCONT);
  return found;
}

absl::StatusOr<Found> SearchFolder(const std::string& folder, const std::vector<Needle>& needles) {
  Found found;
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, error)) {
    const std::string path = entry.path();
    Add(SearchBytes({path.data(), path.size()}, "the name " + path, needles), 0, &found);
    if (!entry.is_regular_file()) continue;
    std::ifstream file(path, std::ios::binary);
    if (!file) return absl::UnavailableError(path + " cannot be read");
    std::stringstream text;
    text << file.rdbuf();
    const std::string bytes = text.str();
    Add(SearchBytes({bytes.data(), bytes.size()}, path, needles), 0, &found);
  }
  if (error) return absl::UnavailableError(folder + ": " + error.message());
  return found;
}

}  // namespace madoguchi::leak
