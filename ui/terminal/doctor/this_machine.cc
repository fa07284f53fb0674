#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "ui/terminal/doctor/machine.h"

namespace madoguchi::terminal::doctor {
namespace {

constexpr size_t kMost = 65536;

class RealMachine final : public Machine {
 public:
  std::optional<std::vector<std::string>> List(const std::string& folder) const override {
    DIR* const dir = opendir(folder.c_str());
    if (dir == nullptr) return std::nullopt;
    std::vector<std::string> names;
    while (const dirent* const entry = readdir(dir)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    closedir(dir);
    std::sort(names.begin(), names.end());
    return names;
  }

  std::optional<std::string> Read(const std::string& path) const override {
    // A pipe or a device that lies where a file is expected is not waited for.
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return std::nullopt;
    std::string text(kMost, '\0');
    size_t size = 0;
    while (size < kMost) {
      const ssize_t got = read(fd, text.data() + size, kMost - size);
      if (got <= 0) break;
      size += static_cast<size_t>(got);
    }
    close(fd);
    text.resize(size);
    return text;
  }

  std::optional<std::string> Link(const std::string& path) const override {
    char target[4096];
    const ssize_t size = readlink(path.c_str(), target, sizeof(target));
    if (size < 0) return std::nullopt;
    return std::string(target, static_cast<size_t>(size));
  }

  std::optional<std::string> Real(const std::string& path) const override {
    char* const real = realpath(path.c_str(), nullptr);
    if (real == nullptr) return std::nullopt;
    std::string text = real;
    std::free(real);
    return text;
  }

  std::optional<Facts> Stat(const std::string& path) const override {
    struct stat facts;
    if (stat(path.c_str(), &facts) != 0) return std::nullopt;
    return Facts{facts.st_uid, facts.st_gid, facts.st_mode, facts.st_mtime};
  }

  int Connect(const std::string& path) const override {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) return ENAMETOOLONG;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return errno;
    const bool done =
        connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    const int error = done || errno == EAGAIN ? 0 : errno;  // EAGAIN: many wait there already
    close(fd);
    return error;
  }

  std::string Environment(const std::string& name) const override {
    const char* const value = std::getenv(name.c_str());
    return value == nullptr ? "" : value;
  }

  std::time_t Now() const override { return std::time(nullptr); }
};

}  // namespace

std::unique_ptr<Machine> ThisMachine() { return std::make_unique<RealMachine>(); }

}  // namespace madoguchi::terminal::doctor
