#ifndef MADOGUCHI_SDK_PLUGIN_PROGRAM_H_
#define MADOGUCHI_SDK_PLUGIN_PROGRAM_H_

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace madoguchi::plugin {

// A program that a test runs beside itself, and what it prints. Used from one thread.
class Program {
 public:
  // `command` is the path of the binary and its arguments. stdin is /dev/null, the environment is
  // empty, and no descriptor of the test is inherited.
  static absl::StatusOr<std::unique_ptr<Program>> Start(const std::vector<std::string>& command);
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  // Ends it by SIGKILL when it still runs.
  ~Program();

  // Waits until the line is printed on stdout. False when it did not come in time, or the program
  // ended without it.
  bool AwaitLine(const std::string& line,
                 std::chrono::milliseconds timeout = std::chrono::seconds(20));
  // Sends `signal` (0: none) and waits. The exit status, 128 + n when signal n ended it, nullopt
  // when it runs on.
  std::optional<int> End(int signal, std::chrono::milliseconds timeout = std::chrono::seconds(20));

  const std::string& output() const { return output_; }  // stdout so far
  const std::string& errors() const { return errors_; }  // stderr so far
  pid_t pid() const { return pid_; }

 private:
  Program() = default;
  // Takes what was printed; waits for some at most `timeout`.
  void Listen(std::chrono::milliseconds timeout);
  bool Reap();

  pid_t pid_ = -1;
  int output_fd_ = -1;
  int errors_fd_ = -1;
  std::optional<int> status_;
  std::string output_;
  std::string errors_;
};

}  // namespace madoguchi::plugin

#endif  // MADOGUCHI_SDK_PLUGIN_PROGRAM_H_
