// The program itself, and the unmodified nfc-list on it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>

#include "sdk/sim/pn532/board_process.h"
#include "sdk/sim/pn532/frame.h"

namespace madoguchi::pn532 {
namespace {

namespace fs = std::filesystem;
using conformance::Await;
using conformance::Program;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr char kNfcList[] = "/usr/bin/nfc-list";

Bytes FromHost(const Bytes& data) {
  Bytes frame = EncodeAnswer(data);
  frame[data.size() + 1 <= 255 ? 5 : 8] = kFromHost;
  frame[frame.size() - 2] += kFromChip - kFromHost;
  return frame;
}

class ProgramTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::string name = testing::TempDir() + "sim-pn532-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    CardProcess::Make(root_ / "card");
  }
  static void TearDownTestSuite() { fs::remove_all(root_); }
  void SetUp() override {
    folder_ = root_ / testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::create_directory(folder_);
  }
  void LayDown(const BoardProcess& board) {
    card_ = std::make_unique<CardProcess>(root_ / "card", folder_);
    ASSERT_TRUE(Await([&] { return board.Status("card") == "1"; }));
  }

  // A socket with a port of 127.0.0.1, which is put into `address` when it is 0.
  static int TcpSocket(sockaddr_in* address) {
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (address->sin_port != 0) return fd;
    socklen_t size = sizeof(*address);
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(address), size), 0);
    EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(address), &size), 0);
    return fd;
  }

  // What nfc-list prints; its status after it.
  std::string NfcList(const std::string& device, std::vector<std::string> options = {}) {
    setenv("LIBNFC_AUTO_SCAN", "false", 1);
    setenv("LIBNFC_DEVICE", ("pn532_uart:" + device).c_str(), 1);
    std::vector<std::string> words = {kNfcList};
    words.insert(words.end(), options.begin(), options.end());
    auto program = Program::Run(words, folder_ / "nfc-list.log", /*await_ready=*/false);
    EXPECT_TRUE(program.ok()) << program.status() << "; Debian: libnfc-bin";
    if (!program.ok()) return "";
    const auto status = (*program)->Wait();
    return (*program)->Output() + "status " + (status ? std::to_string(*status) : "none");
  }

  static fs::path root_;
  fs::path folder_;
  std::unique_ptr<CardProcess> card_;
};

fs::path ProgramTest::root_;

TEST_F(ProgramTest, NfcListSeesTheCardAndNoOtherTypes) {
  BoardProcess board(folder_);
  EXPECT_THAT(NfcList(board.link()), Not(HasSubstr("found")));
  LayDown(board);
  const std::string all = NfcList(board.link(), {"-v"});
  EXPECT_THAT(all, HasSubstr("ISO14443B passive target(s) found"));
  EXPECT_THAT(all, HasSubstr("Application Data: 00  00  05  e0"));
  EXPECT_THAT(all, HasSubstr("Protocol Info: b3  81  a1"));
  EXPECT_THAT(all, HasSubstr("status 0"));
  for (const char* other : {"ISO14443A", "Felica (212 kbps)", "ISO14443B'", "ISO14443A-3 Jewel"}) {
    EXPECT_THAT(all, HasSubstr("0 " + std::string(other) + " passive target(s) found."));
  }
  card_.reset();
  ASSERT_TRUE(Await([&] { return board.Status("card") == "0"; }));
  EXPECT_THAT(NfcList(board.link()), Not(HasSubstr("found")));
}

TEST_F(ProgramTest, CardsComeToItsPortAndNeedNotBeOurs) {
  sockaddr_in address{};
  close(TcpSocket(&address));
  const std::string port = std::to_string(ntohs(address.sin_port));
  BoardProcess board(folder_, {"--port", port});
  {
    auto card = Program::Run(
        {BuildFolder() / "bin/madoguchi-card", "--dir", root_ / "card", "--port", port},
        folder_ / "card.log");
    ASSERT_TRUE(card.ok()) << card.status();
    ASSERT_TRUE(Await([&] { return board.Status("card") == "1"; }));
    EXPECT_THAT(NfcList(board.link(), {"-t", "8"}), HasSubstr("Application Data: 00  00  05  e0"));
  }
  ASSERT_TRUE(Await([&] { return board.Status("card") == "0"; }));
  // One with contacts, of another maker's program.
  const int fd = TcpSocket(&address);
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  Bytes asked(3);
  ASSERT_EQ(recv(fd, asked.data(), asked.size(), MSG_WAITALL), 3);
  EXPECT_EQ(asked, (Bytes{0x00, 0x01, 0x04}));
  const Bytes atr = {0x00, 0x02, 0x3B, 0x00};
  ASSERT_EQ(write(fd, atr.data(), atr.size()), 4);
  ASSERT_TRUE(Await([&] { return board.Status("card") == "1"; }));
  const std::string all = NfcList(board.link(), {"-t", "8"});
  EXPECT_THAT(all, HasSubstr("Application Data: 00  00  00  00"));
  EXPECT_THAT(all, HasSubstr("Protocol Info: 33  81  91"));
  close(fd);
  EXPECT_TRUE(Await([&] { return board.Status("card") == "0"; }));
}

TEST_F(ProgramTest, NfcListSeesADeadChipAndAnUnpluggedOne) {
  BoardProcess board(folder_);
  board.Tell("fault dead");
  EXPECT_THAT(NfcList(board.link()), HasSubstr("Unable to open NFC device"));
  board.Tell("faults clear");
  EXPECT_THAT(NfcList(board.link()), HasSubstr("opened"));
  board.Tell("unplug");
  EXPECT_THAT(NfcList(board.link()), HasSubstr("Unable to open NFC device"));
  board.Tell("replug");
  EXPECT_THAT(NfcList(board.link()), HasSubstr("opened"));
}

TEST_F(ProgramTest, AsManyAsOneLikes) {
  fs::create_directory(folder_ / "b");
  BoardProcess a(folder_), b(folder_ / "b");
  LayDown(a);
  EXPECT_THAT(NfcList(a.link(), {"-t", "8"}), HasSubstr("found"));
  EXPECT_THAT(NfcList(b.link(), {"-t", "8"}), Not(HasSubstr("found")));
}

TEST_F(ProgramTest, ALineOf115200BitsASecondTakesItsTime) {
  BoardProcess board(folder_, {"--baud", "115200"});
  const int fd = open(board.link().c_str(), O_RDWR | O_NOCTTY);
  ASSERT_GE(fd, 0);
  Bytes data(200, 0x00);  // Diagnose, an echo
  Bytes bytes = {0x55, 0x55, 0x00};
  const Bytes frame = FromHost(data);
  bytes.insert(bytes.end(), frame.begin(), frame.end());
  const auto begin = Clock::now();
  ASSERT_EQ(write(fd, bytes.data(), bytes.size()), ssize_t(bytes.size()));
  Bytes heard;
  while (heard.size() < EncodeAck().size() + frame.size()) {
    pollfd readable{fd, POLLIN, 0};
    ASSERT_EQ(poll(&readable, 1, 5000), 1);
    uint8_t byte;
    ASSERT_EQ(read(fd, &byte, 1), 1);
    heard.push_back(byte);
  }
  // 10 bits a byte, there and back.
  const size_t carried = bytes.size() + heard.size();
  EXPECT_GE(Clock::now() - begin, std::chrono::microseconds(carried * 10'000'000 / 115200));
  close(fd);
}

TEST_F(ProgramTest, UnpluggingEndsWhoHasItOpen) {
  BoardProcess board(folder_);
  const int fd = open(board.link().c_str(), O_RDWR | O_NOCTTY);
  ASSERT_GE(fd, 0);
  const std::string device = board.Status("device");
  EXPECT_EQ(fs::read_symlink(board.link()).string(), device);
  board.Tell("unplug");
  EXPECT_FALSE(fs::exists(fs::symlink_status(board.link())));
  char byte;
  EXPECT_LE(read(fd, &byte, 1), 0);
  close(fd);
  board.Tell("replug");
  EXPECT_TRUE(fs::exists(board.link()));
}

TEST_F(ProgramTest, EndsWithItsSignalAndLeavesNothing) {
  BoardProcess board(folder_);
  EXPECT_EQ(board.program().End(SIGTERM), 0);
  for (const char* name : {"pn532", "slot", "board.control"}) {
    EXPECT_FALSE(fs::exists(fs::symlink_status(folder_ / name))) << name;
  }
}

TEST_F(ProgramTest, EndsWhenWhoStartedItIsGone) {
  const std::string program = BuildFolder() / "bin/madoguchi-pn532", link = folder_ / "pn532";
  int in[2], out[2];
  ASSERT_EQ(pipe2(in, O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(out, O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  std::string option = "--link";
  char* arguments[] = {const_cast<char*>(program.c_str()), option.data(),
                       const_cast<char*>(link.c_str()), nullptr};
  pid_t pid;
  ASSERT_EQ(posix_spawn(&pid, program.c_str(), &actions, nullptr, arguments, environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  char ready[6];
  ASSERT_EQ(read(out[0], ready, sizeof(ready)), 6);
  EXPECT_EQ(std::string(ready, 6), "ready\n");
  EXPECT_TRUE(fs::exists(link));
  close(in[0]);
  close(in[1]);
  int status = -1;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  close(out[0]);
  close(out[1]);
}

TEST_F(ProgramTest, SaysWhatIsWrongWithItsCommandLine) {
  for (const auto& [words, said] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{}, "--link is missing"},
           {{"--link", "x", "--baud", "fast"}, "--baud: expected a number"},
           {{"--link", "x", "--fault", "hung"}, "no such fault: hung"},
           {{"--link", "x", "y"}, "y: expected options alone"},
           {{"--what"}, "no such option"}}) {
    std::vector<std::string> all = {BuildFolder() / "bin/madoguchi-pn532"};
    all.insert(all.end(), words.begin(), words.end());
    auto program = Program::Run(all, folder_ / "log", /*await_ready=*/false);
    ASSERT_TRUE(program.ok());
    EXPECT_EQ((*program)->Wait(), 64);
    EXPECT_THAT((*program)->Output(), HasSubstr(said));
  }
}

}  // namespace
}  // namespace madoguchi::pn532
