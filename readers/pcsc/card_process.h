#ifndef MADOGUCHI_READERS_PCSC_CARD_PROCESS_H_
#define MADOGUCHI_READERS_PCSC_CARD_PROCESS_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

// What a test inside private-pcscd starts and stops: the daemon, and cards. For tests alone.
namespace madoguchi::pcsc {

// The build's folder, of which the test's binary lies in tests/.
inline std::filesystem::path BuildFolder() {
  return std::filesystem::canonical("/proc/self/exe").parent_path().parent_path();
}

// Runs a program to its end; its exit status.
inline int RunProgram(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return 127;
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

// start, stop, restart, freeze or thaw; the exit status.
inline int Pcscd(const std::string& action) {
  return RunProgram(
      {std::string(std::getenv("MADOGUCHI_PCSCD_DIR")) + "/private-pcscd-ctl", action});
}

// A madoguchi-card process, out of its reader at first.
class CardProcess {
 public:
  CardProcess(const std::filesystem::path& folder, const std::string& port)
      : control_(folder / "control") {
    std::vector<std::string> words = {BuildFolder() / "bin/madoguchi-card",
                                      "--dir",
                                      folder,
                                      "--port",
                                      port,
                                      "--control",
                                      control_};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    int out[2];
    if (pipe2(out, O_CLOEXEC) != 0) return;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    char ready;
    if (read(out[0], &ready, 1) != 1) ADD_FAILURE() << "the card did not start";
    close(out[0]);
  }
  ~CardProcess() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  // One line to the card's control socket; its answer.
  std::string Tell(const std::string& command) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(control_.begin(), control_.end(), address.sun_path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{5, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    std::string answer;
    const std::string line = command + "\n";
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
        send(fd, line.data(), line.size(), MSG_NOSIGNAL) > 0) {
      char byte;
      while (recv(fd, &byte, 1, 0) == 1 && byte != '\n') answer += byte;
    }
    close(fd);
    return answer;
  }

 private:
  std::string control_;
  pid_t pid_ = -1;
};

}  // namespace madoguchi::pcsc

#endif  // MADOGUCHI_READERS_PCSC_CARD_PROCESS_H_
