#ifndef MADOGUCHI_SDK_CONFORMANCE_PROGRAM_H_
#define MADOGUCHI_SDK_CONFORMANCE_PROGRAM_H_

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"

namespace madoguchi::conformance {

// A program that a test runs beside itself: stdin is /dev/null, the environment is the test's,
// its output goes to a file, and no other descriptor of the test's is open in it. Ended with its
// owner. Used from one thread.
class Program {
 public:
  // Runs `arguments[0]` (a path) and, with `await_ready`, waits until it has printed the line
  // "ready"; UNAVAILABLE with its output when it does not. `fd5_text`, if any, is what it reads
  // from descriptor 5 (a PIN, never an argument). stdout and stderr both go to `log_path`, or
  // stderr to `errors_path` if there is one.
  static absl::StatusOr<std::unique_ptr<Program>> Run(const std::vector<std::string>& arguments,
                                                      const std::string& log_path,
                                                      bool await_ready = true,
                                                      const std::string& fd5_text = "",
                                                      const std::string& errors_path = "");
  // SIGTERM, and SIGKILL five seconds later.
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }
  // What it has printed so far; Errors is what went to `errors_path`.
  std::string Output() const;
  std::string Errors() const;
  // Sends `signal` (SIGTERM, ...) if it still runs.
  void Signal(int signal);
  // The exit status, 128 + signal, or nothing when it runs on after `patience`.
  std::optional<int> Wait(std::chrono::milliseconds patience = std::chrono::seconds(20));
  // Signal and Wait.
  std::optional<int> End(int signal = SIGTERM);

 private:
  Program() = default;
  pid_t pid_ = -1;
  int pid_fd_ = -1;
  std::string log_path_, errors_path_;
  std::optional<int> status_;
};

// Waits until `done` says true, looking again every few milliseconds; false after `patience`.
template <typename Condition>
bool Await(Condition done, std::chrono::milliseconds patience = std::chrono::seconds(20)) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace madoguchi::conformance

#endif  // MADOGUCHI_SDK_CONFORMANCE_PROGRAM_H_
