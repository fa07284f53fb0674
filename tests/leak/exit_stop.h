#ifndef MADOGUCHI_TESTS_LEAK_EXIT_STOP_H_
#define MADOGUCHI_TESTS_LEAK_EXIT_STOP_H_

#include <sys/types.h>

#include <chrono>
#include <memory>

#include "absl/status/statusor.h"

namespace madoguchi::leak {

// Keeps a child of this process standing at its very end, all memory in place, until this object
// dies. To be made, used and destroyed by one thread: Linux knows a tracer by its thread.
class ExitStop {
 public:
  // Begins to trace `pid`, which runs on.
  static absl::StatusOr<std::unique_ptr<ExitStop>> Seize(pid_t pid);
  ~ExitStop();  // lets the process end
  ExitStop(const ExitStop&) = delete;
  ExitStop& operator=(const ExitStop&) = delete;

  // Waits until the process stands at its end, whatever ends it; signals on the way are its own.
  // The status as waitpid will tell it.
  absl::StatusOr<int> Await(std::chrono::milliseconds patience = std::chrono::seconds(20));

 private:
  explicit ExitStop(pid_t pid) : pid_(pid) {}
  const pid_t pid_;
};

}  // namespace madoguchi::leak

#endif  // MADOGUCHI_TESTS_LEAK_EXIT_STOP_H_
