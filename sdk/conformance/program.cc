#include "sdk/conformance/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

extern char** environ;

namespace madoguchi::conformance {
namespace {

std::string TextOf(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Program>> Program::Run(const std::vector<std::string>& arguments,
                                                      const std::string& log_path, bool await_ready,
                                                      const std::string& fd5_text,
                                                      const std::string& errors_path) {
  std::unique_ptr<Program> program(new Program);
  program->log_path_ = log_path;
  program->errors_path_ = errors_path;
  std::ofstream(log_path).close();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log_path.c_str(), O_WRONLY | O_APPEND, 0);
  if (errors_path.empty()) {
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
  } else {
    posix_spawn_file_actions_addopen(&actions, 2, errors_path.c_str(),
                                     O_WRONLY | O_APPEND | O_CREAT | O_TRUNC, 0600);
  }
  int text[2] = {-1, -1};
  if (!fd5_text.empty()) {
    if (pipe2(text, O_CLOEXEC) != 0) return absl::UnavailableError("pipe");
    posix_spawn_file_actions_adddup2(&actions, text[0], 5);
    posix_spawn_file_actions_addclose(&actions, 3);
    posix_spawn_file_actions_addclose(&actions, 4);
  }
  posix_spawn_file_actions_addclosefrom_np(&actions, fd5_text.empty() ? 3 : 6);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  const int error = posix_spawn(&program->pid_, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (text[0] >= 0) {
    (void)!write(text[1], fd5_text.data(), fd5_text.size());
    close(text[0]);
    close(text[1]);
  }
  if (error != 0) {
    program->pid_ = -1;
    return absl::UnavailableError(arguments[0] + ": " + std::strerror(error));
  }
  program->pid_fd_ = static_cast<int>(syscall(SYS_pidfd_open, program->pid_, 0));
  if (!await_ready) return program;
  bool ended = false;
  const bool ready = Await([&] {
    if (("\n" + program->Output()).find("\nready\n") != std::string::npos) return true;
    ended = program->Wait(std::chrono::milliseconds(0)).has_value();
    return ended;
  });
  if (!ready || ended) {
    return absl::UnavailableError(arguments[0] + " is not ready: " + program->Output() +
                                  program->Errors());
  }
  return program;
}

Program::~Program() {
  if (pid_ > 0 && !status_) {
    Signal(SIGTERM);
    Wait(std::chrono::seconds(5));
    if (!status_) {
      Signal(SIGKILL);
      Wait(std::chrono::seconds(5));
    }
  }
  if (pid_fd_ >= 0) close(pid_fd_);
}

std::string Program::Output() const { return TextOf(log_path_); }

std::string Program::Errors() const { return errors_path_.empty() ? "" : TextOf(errors_path_); }

void Program::Signal(int signal) {
  if (pid_ > 0 && !status_) kill(pid_, signal);
}

std::optional<int> Program::Wait(std::chrono::milliseconds patience) {
  if (status_) return status_;
  pollfd watched{pid_fd_, POLLIN, 0};
  if (poll(&watched, 1, static_cast<int>(patience.count())) <= 0) return {};
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return {};
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return status_;
}

std::optional<int> Program::End(int signal) {
  Signal(signal);
  return Wait();
}

}  // namespace madoguchi::conformance
