// madoguchi-card as a process, behind a reader that the test plays itself.

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "sdk/sim/card/files.h"
#include "sdk/sim/card/hex.h"
#include "sdk/sim/card/state.h"

extern char** environ;

namespace madoguchi::sim {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPatience = 20000;  // Milliseconds until a wait fails the test.
constexpr char kSelectJpki[] = "00A4040C0AD392F000260100000001";

bool Readable(int fd, int milliseconds = kPatience) {
  pollfd polled{.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&polled, 1, milliseconds) == 1;
}

sockaddr_un Address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

pid_t Spawn(std::vector<std::string> arguments, int out, int in = -1) {
  std::vector<char*> argv = {const_cast<char*>(MADOGUCHI_CARD)};
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  if (in >= 0) posix_spawn_file_actions_adddup2(&actions, in, 0);
  pid_t pid = -1;
  EXPECT_EQ(posix_spawn(&pid, MADOGUCHI_CARD, &actions, nullptr, argv.data(), environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

int ExitCode(pid_t pid) {
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

// Runs to the end with --make-only or an error; the exit code.
int Make(const std::vector<std::string>& arguments) {
  const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  const pid_t pid = Spawn(arguments, null);
  close(null);
  return ExitCode(pid);
}

class Program : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    char folder[] = "/tmp/madoguchi-card-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    suite_ = folder;
    ASSERT_EQ(Make({"--dir", suite_ + "/new", "--make-only"}), 0);
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(suite_); }

  void Listen() {
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = Address(folder_ + "/slot");
    ASSERT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(listen(listener_, 1), 0);
  }
  void SetUp() override {
    folder_ = suite_ + "/" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directory(folder_);
    std::filesystem::copy(suite_ + "/new", folder_ + "/card");
    Listen();
  }
  void TearDown() override {
    if (pid_ > 0) Stop();
    close(listener_);
    if (reader_ >= 0) close(reader_);
  }

  void Start(std::vector<std::string> more = {}, int in = -1) {
    std::vector<std::string> arguments = {"--dir", folder_ + "/card", "--control",
                                          folder_ + "/control"};
    if (port_.empty()) {
      arguments.insert(arguments.end(), {"--socket", folder_ + "/slot"});
    } else {
      arguments.insert(arguments.end(), {"--port", port_});
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    int ready[2];
    ASSERT_EQ(pipe2(ready, O_CLOEXEC), 0);
    pid_ = Spawn(arguments, ready[1], in);
    close(ready[1]);
    char line[16];
    ASSERT_TRUE(Readable(ready[0]));
    ASSERT_GT(read(ready[0], line, sizeof line), 0);
    close(ready[0]);
  }
  void Stop() {
    kill(pid_, SIGTERM);
    EXPECT_EQ(ExitCode(pid_), 0);
    pid_ = -1;
  }

  void Accept() {
    if (reader_ >= 0) close(reader_);
    ASSERT_TRUE(Readable(listener_));
    reader_ = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    ASSERT_GE(reader_, 0);
  }
  void Send(const std::string& hex) {
    const Bytes message = *FromHex(hex);
    Bytes bytes = {static_cast<uint8_t>(message.size() >> 8), static_cast<uint8_t>(message.size())};
    bytes.insert(bytes.end(), message.begin(), message.end());
    EXPECT_EQ(send(reader_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // In hexadecimal; "gone" where the card has closed.
  std::string Receive() {
    Bytes bytes(2);
    for (size_t have = 0; have < bytes.size();) {
      if (!Readable(reader_)) return "silence";
      const ssize_t count = recv(reader_, bytes.data() + have, bytes.size() - have, 0);
      if (count <= 0) return "gone";
      have += static_cast<size_t>(count);
      if (have == 2 && bytes.size() == 2) bytes.resize(2 + (size_t{bytes[0]} << 8 | bytes[1]));
    }
    return ToHex(std::span(bytes).subspan(2));
  }
  std::string Ask(const std::string& hex) {
    Send(hex);
    return Receive();
  }
  std::string Control(const std::string& line) {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = Address(folder_ + "/control");
    EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const std::string text = line + "\n";
    EXPECT_EQ(send(fd, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    std::string answer;
    char byte;
    while (Readable(fd) && recv(fd, &byte, 1, 0) == 1 && byte != '\n') answer += byte;
    close(fd);
    return answer;
  }

  static std::string suite_;
  std::string folder_;
  std::string port_;  // Empty: the Unix socket.
  int listener_ = -1;
  int reader_ = -1;
  pid_t pid_ = -1;
};

std::string Program::suite_;

TEST_F(Program, SpeaksVpcd) {
  Start({"--atr", "contact"});
  Accept();
  EXPECT_EQ(Ask("04"), "3BE000FF8131FE4514");
  Send("01");
  EXPECT_EQ(Ask(kSelectJpki), "9000");
  EXPECT_EQ(Ask("00200098"), "63C3");
  Send("02");
  EXPECT_EQ(Ask("00200098"), "6A82");
  // Several messages in one piece.
  Send("04");
  Send(kSelectJpki);
  EXPECT_EQ(Receive(), "3BE000FF8131FE4514");
  EXPECT_EQ(Receive(), "9000");
  Stop();
  EXPECT_EQ(Receive(), "gone");
}

TEST_F(Program, ComesBackWhenTheReaderDoes) {
  Start();
  Accept();
  EXPECT_EQ(Ask(kSelectJpki), "9000");
  Accept();  // Closes the first connection and waits for the second.
  EXPECT_EQ(Ask("00200098"), "6A82");
  EXPECT_EQ(Control("status").substr(0, 19), "wanted=1 inserted=1");
}

TEST_F(Program, WaitsForAReaderThatComesLater) {
  close(listener_);
  unlink((folder_ + "/slot").c_str());
  Start();
  EXPECT_EQ(Control("status").substr(0, 19), "wanted=1 inserted=0");
  Listen();
  Accept();
  EXPECT_EQ(Ask(kSelectJpki), "9000");
}

TEST_F(Program, SpeaksVpcdOverTcp) {
  close(listener_);
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener_, 1), 0);
  ASSERT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
  port_ = std::to_string(ntohs(address.sin_port));
  Start();
  Accept();
  EXPECT_EQ(Ask(kSelectJpki), "9000");
  // vpcd's way, length and body apart. Without an acknowledgement at once each of these would take
  // 40 ms, two seconds in all.
  const Clock::time_point begin = Clock::now();
  for (int i = 0; i < 50; ++i) {
    const Bytes length = {0, 4};
    const Bytes body = *FromHex("00200098");
    ASSERT_EQ(send(reader_, length.data(), 2, MSG_NOSIGNAL), 2);
    ASSERT_EQ(send(reader_, body.data(), 4, MSG_NOSIGNAL), 4);
    EXPECT_EQ(Receive(), "63C3");
  }
  EXPECT_LT(Clock::now() - begin, std::chrono::milliseconds(1000));
  Stop();
  EXPECT_EQ(Receive(), "gone");
}

TEST_F(Program, PulledStaysAwayUntilPutBack) {
  Start({"--fault", "pulled-before=2"});
  Accept();
  EXPECT_EQ(Ask(kSelectJpki), "9000");
  EXPECT_EQ(Ask("00200098"), "gone");
  EXPECT_EQ(Control("status").substr(0, 19), "wanted=0 inserted=0");
  EXPECT_EQ(Control("faults clear"), "ok");
  EXPECT_EQ(Control("insert"), "ok");
  Accept();
  EXPECT_EQ(Ask(kSelectJpki), "9000");
  EXPECT_EQ(Ask("00200098"), "63C3");
}

TEST_F(Program, IsTakenAwayInTheMiddleOfASlowAnswer) {
  Start({"--fault", "slow=600000"});
  Accept();
  Send(kSelectJpki);
  // The answer is under way once the card has counted the command.
  const Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(kPatience);
  while (Control("status").find(" apdus=1 ") == std::string::npos) {
    ASSERT_LT(Clock::now(), deadline);
  }
  EXPECT_EQ(Control("remove"), "ok");
  EXPECT_EQ(Receive(), "gone");
  EXPECT_EQ(Control("faults clear"), "ok");
  EXPECT_EQ(Control("insert"), "ok");
  Accept();
  EXPECT_EQ(Ask(kSelectJpki), "9000");
}

TEST_F(Program, SilentCardStaysThereAndCanBeTakenAway) {
  Start({"--fault", "silent-from=1"});
  Accept();
  Send(kSelectJpki);
  EXPECT_EQ(Ask("04"), "3B888001000005E0B381A1007F");
  EXPECT_EQ(Control("remove"), "ok");
  EXPECT_EQ(Receive(), "gone");
}

TEST_F(Program, LatencyIsKept) {
  Start({"--latency-ms", "20"});
  Accept();
  const Clock::time_point begin = Clock::now();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(Ask(kSelectJpki), "9000");
  EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(100));
  EXPECT_LT(Clock::now() - begin, std::chrono::milliseconds(1000));
}

TEST_F(Program, AFaultOfTheLinkLeavesTheSessionAlone) {
  Start();
  Accept();
  EXPECT_EQ(Ask(kSelectJpki), "9000");
  EXPECT_EQ(Control("fault slow=1"), "ok");
  EXPECT_EQ(Ask("00200098"), "63C3");
  EXPECT_EQ(Control("fault certificate=absent"), "ok");
  EXPECT_EQ(Ask(kSelectJpki), "9000");
  EXPECT_EQ(Ask("00B08A0000"), "6A82");
  EXPECT_EQ(Control("fault tries-left=0"), "ok");
  EXPECT_EQ(Ask("00200098"), "63C0");
  EXPECT_EQ(Control("faults clear"), "ok");
  EXPECT_EQ(Ask(kSelectJpki), "9000");
  EXPECT_EQ(Ask("00B08A0004").substr(0, 4), "3082");
  EXPECT_EQ(Ask("0020009804 31323334"), "6984");
  EXPECT_EQ(Control("fault nonsense").substr(0, 7), "error: ");
  EXPECT_EQ(Control("dance").substr(0, 7), "error: ");
}

TEST_F(Program, TakesThePinFromADescriptorAndLeavesItNowhere) {
  const std::string pin = "Kanarienvogel-16";
  int lane[2];
  ASSERT_EQ(pipe2(lane, O_CLOEXEC), 0);
  ASSERT_EQ(write(lane[1], (pin + "\n").data(), 17), 17);
  close(lane[1]);
  Start({"--pin-fd", "0", "--trace", folder_ + "/trace"}, lane[0]);
  close(lane[0]);
  Accept();
  EXPECT_EQ(Ask(kSelectJpki), "9000");
  const Bytes bytes(pin.begin(), pin.end());
  EXPECT_EQ(Ask("0020009810" + ToHex(bytes)), "9000");
  EXPECT_EQ(Control("status").find("tries-left=3") != std::string::npos, true);
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder_)) {
    if (!file.is_regular_file()) continue;
    const std::string content = *ReadFile(file.path());
    EXPECT_EQ(content.find(pin), std::string::npos) << file.path();
    EXPECT_EQ(content.find(ToHex(bytes)), std::string::npos) << file.path();
  }
}

TEST_F(Program, WipesAPinFromItsArguments) {
  Start({"--pin", "9876"});
  const std::string line = *ReadFile("/proc/" + std::to_string(pid_) + "/cmdline");
  EXPECT_NE(line.find("--pin"), std::string::npos);
  EXPECT_EQ(line.find("9876"), std::string::npos);
}

TEST_F(Program, CardsThatBeginAtOnceShareOneCa) {
  std::vector<pid_t> pids;
  const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  for (int i = 0; i < 6; ++i) {
    pids.push_back(Spawn({"--dir", folder_ + "/many/" + std::to_string(i), "--ca-dir",
                          folder_ + "/ca", "--make-only"},
                         null));
  }
  close(null);
  for (const pid_t pid : pids) EXPECT_EQ(ExitCode(pid), 0);
  std::set<uint64_t> serials;
  for (int i = 0; i < 6; ++i) {
    const std::string card = folder_ + "/many/" + std::to_string(i);
    EXPECT_EQ(*ReadFile(card + "/auth-ca.pem"), *ReadFile(folder_ + "/ca/auth-ca.pem"));
    EXPECT_EQ(*ReadFile(card + "/sign-ca.pem"), *ReadFile(folder_ + "/ca/sign-ca.pem"));
    serials.insert(State::Load(card + "/state")->serial());
    struct stat status;
    ASSERT_EQ(stat(card.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0700u);
  }
  EXPECT_EQ(serials.size(), 6u);
}

TEST_F(Program, OddOptionsAreUsageErrors) {
  const std::string dir = folder_ + "/card";
  EXPECT_EQ(Make({}), 64);
  EXPECT_EQ(Make({"--dir", dir}), 64);
  EXPECT_EQ(Make({"--dir", dir, "--port", "1", "--socket", "x"}), 64);
  EXPECT_EQ(Make({"--dir", dir, "--port", "65536"}), 64);
  EXPECT_EQ(Make({"--dir", dir, "--make-only", "--fault", "nonsense"}), 64);
  EXPECT_EQ(Make({"--dir", dir, "--make-only", "--pin", "12345678901234567"}), 64);
  EXPECT_EQ(Make({"--dir", dir, "--make-only", "--bogus"}), 64);
  EXPECT_EQ(Make({"--dir", dir, "--make-only", "more"}), 64);
  EXPECT_EQ(Make({"--dir", dir, "--make-only", "--serial", "5"}), 1);
  EXPECT_EQ(Make({"--help"}), 0);
}

}  // namespace
}  // namespace madoguchi::sim
