// Examines a desk, and prints the report.
#include <cstdio>
#include <cstring>

#include "sdk/conformance/desk_rules.h"

int main(int argc, char** argv) {
  using namespace madoguchi::conformance;  // NOLINT
  const bool json = argc > 1 && std::strcmp(argv[1], "--json") == 0;
  const std::vector<std::string> addresses(argv + 1 + (json ? 1 : 0), argv + argc);
  if (addresses.empty()) {
    std::fprintf(stderr, "examine-desk [--json] SOCKET | DEVICE-FILE...\n");
    return 64;
  }
  const auto desk = ReachDesk(addresses);
  if (!desk.ok()) {
    std::fprintf(stderr, "%s\n", std::string(desk.status().message()).c_str());
    return 69;
  }
  Report report("the desk at " + addresses.front());
  ExamineDesk(*desk, &report);
  std::fputs((json ? report.Json() : report.Text()).c_str(), stdout);
  return report.Passes() ? 0 : 1;
}
