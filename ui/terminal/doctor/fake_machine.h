#ifndef MADOGUCHI_UI_TERMINAL_DOCTOR_FAKE_MACHINE_H_
#define MADOGUCHI_UI_TERMINAL_DOCTOR_FAKE_MACHINE_H_

#include <cerrno>
#include <map>
#include <set>
#include <string>

#include "ui/terminal/doctor/machine.h"

namespace madoguchi::terminal::doctor {

// A machine as a test writes it down: what is not there is absent.
class FakeMachine final : public Machine {
 public:
  std::map<std::string, std::string> files;  // path to text
  std::map<std::string, std::string> links;  // path to target
  std::map<std::string, Facts> facts;        // of what is no file, or more than a file's
  std::set<std::string> hidden;              // folders that are there, and not to be seen
  std::map<std::string, int> sockets;        // path to what connect says
  std::map<std::string, std::string> environment;
  std::time_t now = 1800000000;

  std::optional<std::vector<std::string>> List(const std::string& folder) const override {
    if (hidden.count(folder) > 0) return std::nullopt;
    std::set<std::string> names;
    const auto add = [&](const std::string& path) {
      if (path.rfind(folder + "/", 0) != 0) return;
      const std::string rest = path.substr(folder.size() + 1);
      names.insert(rest.substr(0, rest.find('/')));
    };
    for (const auto& [path, text] : files) add(path);
    for (const auto& [path, target] : links) add(path);
    for (const auto& [path, one] : facts) add(path);
    if (names.empty()) return std::nullopt;
    return std::vector<std::string>(names.begin(), names.end());
  }
  std::optional<std::string> Read(const std::string& path) const override {
    return Find(files, path);
  }
  std::optional<std::string> Link(const std::string& path) const override {
    return Find(links, path);
  }
  std::optional<std::string> Real(const std::string& path) const override {
    const auto target = Find(links, path);
    return target ? target : path;
  }
  std::optional<Facts> Stat(const std::string& path) const override {
    if (const auto found = Find(facts, path)) return found;
    if (files.count(path) > 0) return Facts{0, 0, 0644, 0};
    return std::nullopt;
  }
  int Connect(const std::string& socket) const override {
    return Find(sockets, socket).value_or(ENOENT);
  }
  std::string Environment(const std::string& name) const override {
    return Find(environment, name).value_or("");
  }
  std::time_t Now() const override { return now; }

 private:
  template <typename Value>
  static std::optional<Value> Find(const std::map<std::string, Value>& map,
                                   const std::string& key) {
    const auto found = map.find(key);
    if (found == map.end()) return std::nullopt;
    return found->second;
  }
};

}  // namespace madoguchi::terminal::doctor

#endif  // MADOGUCHI_UI_TERMINAL_DOCTOR_FAKE_MACHINE_H_
