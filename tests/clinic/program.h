#ifndef MADOGUCHI_TESTS_CLINIC_PROGRAM_H_
#define MADOGUCHI_TESTS_CLINIC_PROGRAM_H_

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace madoguchi::clinic {

// One of our programs as a test runs it. Its output goes to a file. Ended with its owner.
class Program {
 public:
  // Runs `arguments[0]` (a path) and, with `await_ready`, waits until it has printed the line
  // "ready". `environment` is added to this process's own; `stdin_text`, if any, is what it reads
  // from descriptor 5 (a PIN, never an argument).
  static absl::StatusOr<std::unique_ptr<Program>> Run(const std::vector<std::string>& arguments,
                                                      const std::string& log_path,
                                                      bool await_ready = true,
                                                      const std::string& fd5_text = "");
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }
  std::string Output() const;
  // Sends `signal` (SIGTERM, ...) if it still runs.
  void Signal(int signal);
  // The exit status, 128 + signal, or nothing when it did not end in time (it is then killed).
  std::optional<int> Wait(std::chrono::milliseconds patience = std::chrono::seconds(20));
  // SIGTERM and Wait.
  std::optional<int> End();

 private:
  Program() = default;
  pid_t pid_ = -1;
  int pid_fd_ = -1;
  std::string log_path_;
  std::optional<int> status_;
};

// Waits until `done` says true, looking again every few milliseconds; false after `patience`.
template <typename Condition>
bool Await(Condition done, std::chrono::milliseconds patience = std::chrono::seconds(20));

}  // namespace madoguchi::clinic

#include <thread>

template <typename Condition>
bool madoguchi::clinic::Await(Condition done, std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

#endif  // MADOGUCHI_TESTS_CLINIC_PROGRAM_H_
