#ifndef MADOGUCHI_TESTS_BENCH_MEASURES_H_
#define MADOGUCHI_TESTS_BENCH_MEASURES_H_

#include <sys/types.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// What the benchmarks share: rows of a table in milliseconds, and what the kernel says of a
// process.
namespace madoguchi::bench {

using Clock = std::chrono::steady_clock;
using Bytes = std::vector<uint8_t>;

// SELECT of the application JPKI, and of its certificate; READ BINARY of its first 256 bytes (ISO
// 7816-4).
inline const Bytes kSelect = {0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0,
                              0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01};
inline const Bytes kSelectCertificate = {0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, 0x0A};
inline const Bytes kRead = {0x00, 0xB0, 0x00, 0x00, 0x00};

// Milliseconds.
double Between(Clock::time_point start, Clock::time_point end);
double Since(Clock::time_point start);

class Row {
 public:
  void Add(double milliseconds) { times_.push_back(milliseconds); }
  void AddSince(Clock::time_point start) { Add(Since(start)); }
  // That share of them took no longer; -1 when there are none.
  double At(double share) const;
  double Last() const { return times_.back(); }
  size_t size() const { return times_.size(); }

 private:
  std::vector<double> times_;
};

// A title over the columns p50, p90, p99 and the number of times.
void Head(const std::string& title);
void Print(const std::string& what, const Row& row);
// One figure in the column p50.
void Print(const std::string& what, double figure);

// Processor time of all threads of a process so far, in milliseconds.
double ProcessorTime(pid_t pid);
// Percent of one core that it takes in the next `time`.
double Idle(pid_t pid, std::chrono::milliseconds time);
// A line of smaps_rollup in MiB; "Rss" is all, "Private_Dirty" what it alone costs. -1 without one.
double Memory(pid_t pid, const std::string& line);

// Ends the program with a line unless it went well.
void Must(bool good, const std::string& what);
void Must(const absl::Status& status);
template <typename T>
T Must(absl::StatusOr<T> result) {
  Must(result.status());
  return *std::move(result);
}

}  // namespace madoguchi::bench

#endif  // MADOGUCHI_TESTS_BENCH_MEASURES_H_
