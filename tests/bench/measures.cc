#include "tests/bench/measures.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace madoguchi::bench {

double Between(Clock::time_point start, Clock::time_point end) {
  return std::chrono::duration<double, std::milli>(end - start).count();
}

double Since(Clock::time_point start) { return Between(start, Clock::now()); }

double Row::At(double share) const {
  if (times_.empty()) return -1;
  std::vector<double> sorted = times_;
  std::sort(sorted.begin(), sorted.end());
  const auto at = static_cast<size_t>(share * static_cast<double>(sorted.size()));
  return sorted[std::min(sorted.size() - 1, at)];
}

void Head(const std::string& title) {
  std::printf("\n%-60s %9s %9s %9s %6s\n", title.c_str(), "p50", "p90", "p99", "n");
}

void Print(const std::string& what, const Row& row) {
  std::printf("  %-58s %9.3f %9.3f %9.3f %6zu\n", what.c_str(), row.At(0.5), row.At(0.9),
              row.At(0.99), row.size());
  std::fflush(stdout);
}

void Print(const std::string& what, double figure) {
  std::printf("  %-58s %9.3f\n", what.c_str(), figure);
  std::fflush(stdout);
}

double ProcessorTime(pid_t pid) {
  double milliseconds = 0;
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::ifstream file(task.path() / "schedstat");
    double nanoseconds = 0;
    file >> nanoseconds;
    milliseconds += nanoseconds / 1e6;
  }
  return milliseconds;
}

double Idle(pid_t pid, std::chrono::milliseconds time) {
  const double before = ProcessorTime(pid);
  const auto start = Clock::now();
  std::this_thread::sleep_for(time);
  return 100 * (ProcessorTime(pid) - before) / Since(start);
}

double Memory(pid_t pid, const std::string& line) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/smaps_rollup");
  for (std::string read; std::getline(file, read);) {
    if (read.rfind(line + ":", 0) == 0) return std::stod(read.substr(line.size() + 1)) / 1024;
  }
  return -1;
}

void Must(bool good, const std::string& what) {
  if (good) return;
  std::fprintf(stderr, "%s failed\n", what.c_str());
  std::exit(1);
}

void Must(const absl::Status& status) { Must(status.ok(), status.ToString()); }

}  // namespace madoguchi::bench
