#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "sdk/launch/jail/jail.h"

// A permission a line. What is taken is said again in the launcher's words, one for one.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::istringstream text(std::string(reinterpret_cast<const char*>(data), size));
  std::vector<std::string> asked;
  for (std::string line; std::getline(text, line);) asked.push_back(line);
  const auto parsed = madoguchi::ParsePermissions(asked);
  if (!parsed.ok()) return 0;
  madoguchi::Jail jail;
  jail.permissions = *parsed;
  size_t said = 0;
  const auto arguments = madoguchi::LauncherArguments("jail", jail, 5, 1);
  for (size_t i = 0; i + 1 < arguments.size(); ++i) {
    if (arguments[i] != "--permission") continue;
    ++said;
    bool found = false;
    for (const std::string& one : asked) found = found || one == arguments[i + 1];
    if (!found) std::abort();
  }
  if (said != asked.size()) std::abort();
  if (!parsed->serial.empty() &&
      (!parsed->serial.starts_with("/dev/") || parsed->serial.find("/../") != std::string::npos)) {
    std::abort();
  }
  return 0;
}
