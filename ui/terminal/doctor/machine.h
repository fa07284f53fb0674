#ifndef MADOGUCHI_UI_TERMINAL_DOCTOR_MACHINE_H_
#define MADOGUCHI_UI_TERMINAL_DOCTOR_MACHINE_H_

#include <sys/types.h>

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace madoguchi::terminal::doctor {

// The machine that is examined, as this program's user may see it: files, links, sockets, clock.
// Nothing is changed by looking. All paths are absolute.
class Machine {
 public:
  struct Facts {
    uid_t uid = 0;
    gid_t gid = 0;
    mode_t mode = 0;
    std::time_t changed = 0;
  };

  virtual ~Machine() = default;
  // The names in a folder, sorted. Nothing when it is absent or not to be seen.
  virtual std::optional<std::vector<std::string>> List(const std::string& folder) const = 0;
  // The first 64 KiB of a file.
  virtual std::optional<std::string> Read(const std::string& path) const = 0;
  // Where a symbolic link points, as it stands there.
  virtual std::optional<std::string> Link(const std::string& path) const = 0;
  // The path without links.
  virtual std::optional<std::string> Real(const std::string& path) const = 0;
  virtual std::optional<Facts> Stat(const std::string& path) const = 0;
  // Connects to a stream socket and lets it go: 0, or the errno.
  virtual int Connect(const std::string& socket) const = 0;
  virtual std::string Environment(const std::string& name) const = 0;
  virtual std::time_t Now() const = 0;
};

// This machine.
std::unique_ptr<Machine> ThisMachine();

}  // namespace madoguchi::terminal::doctor

#endif  // MADOGUCHI_UI_TERMINAL_DOCTOR_MACHINE_H_
