#include "sdk/plugin/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace madoguchi::plugin {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kGlance(10);

// Appends what `fd` has; closes it at its end.
void Drain(int* fd, std::string* text) {
  char block[4096];
  for (;;) {
    const ssize_t length = *fd < 0 ? -1 : read(*fd, block, sizeof(block));
    if (length > 0) {
      text->append(block, static_cast<size_t>(length));
      continue;
    }
    if (length == 0) {
      close(*fd);
      *fd = -1;
    }
    return;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Program>> Program::Start(const std::vector<std::string>& command) {
  std::unique_ptr<Program> program(new Program);
  int output[2], errors[2];
  if (pipe2(output, O_CLOEXEC | O_NONBLOCK) != 0 || pipe2(errors, O_CLOEXEC | O_NONBLOCK) != 0) {
    return absl::UnavailableError(std::string("pipe: ") + std::strerror(errno));
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output[1], 1);
  posix_spawn_file_actions_adddup2(&actions, errors[1], 2);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  std::vector<std::string> words = command;
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  char* const environment[] = {nullptr};
  const int error =
      posix_spawn(&program->pid_, argv[0], &actions, nullptr, argv.data(), environment);
  posix_spawn_file_actions_destroy(&actions);
  close(output[1]);
  close(errors[1]);
  program->output_fd_ = output[0];
  program->errors_fd_ = errors[0];
  if (error != 0) {
    program->pid_ = -1;
    return absl::NotFoundError("cannot start " + command[0] + ": " + std::strerror(error));
  }
  return program;
}

Program::~Program() {
  if (pid_ > 0 && !status_) End(SIGKILL);
  if (output_fd_ >= 0) close(output_fd_);
  if (errors_fd_ >= 0) close(errors_fd_);
}

void Program::Listen(milliseconds timeout) {
  pollfd watched[] = {{output_fd_, POLLIN, 0}, {errors_fd_, POLLIN, 0}};
  poll(watched, 2, static_cast<int>(timeout.count()));
  Drain(&output_fd_, &output_);
  Drain(&errors_fd_, &errors_);
}

bool Program::Reap() {
  int status = 0;
  if (!status_ && waitpid(pid_, &status, WNOHANG) == pid_) {
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return status_.has_value();
}

bool Program::AwaitLine(const std::string& line, milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  for (;;) {
    const bool ended = Reap();
    Listen(ended ? milliseconds(0) : kGlance);
    if (("\n" + output_).find("\n" + line + "\n") != std::string::npos) return true;
    if (ended || steady_clock::now() >= deadline) return false;
  }
}

std::optional<int> Program::End(int signal, milliseconds timeout) {
  if (signal != 0 && !Reap()) kill(pid_, signal);
  const auto deadline = steady_clock::now() + timeout;
  while (!Reap() && steady_clock::now() < deadline) Listen(kGlance);
  Listen(milliseconds(0));
  return status_;
}

}  // namespace madoguchi::plugin
