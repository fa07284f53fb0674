#ifndef MADOGUCHI_SDK_SIM_PN532_BOARD_PROCESS_H_
#define MADOGUCHI_SDK_SIM_PN532_BOARD_PROCESS_H_

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "sdk/conformance/program.h"

// What a test starts to have an NFC board with a card: madoguchi-pn532 and madoguchi-card. For
// tests alone.
namespace madoguchi::pn532 {

// The build's folder, of which the test's binary lies in tests/.
inline std::filesystem::path BuildFolder() {
  return std::filesystem::canonical("/proc/self/exe").parent_path().parent_path();
}

// A program with a control socket that takes a line and answers with one.
class ToldProgram {
 public:
  // `words` without the program's folder and without --control.
  ToldProgram(std::vector<std::string> words, const std::filesystem::path& scratch)
      : control_(scratch.string() + ".control") {
    words[0] = BuildFolder() / "bin" / words[0];
    words.insert(words.end(), {"--control", control_});
    auto program = conformance::Program::Run(words, scratch.string() + ".log");
    EXPECT_TRUE(program.ok()) << program.status();
    if (program.ok()) program_ = *std::move(program);
  }
  // The answer; "no answer" when there is none within 5 s.
  std::string Ask(const std::string& command) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(control_.begin(), control_.end(), address.sun_path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{5, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    const std::string line = command + "\n";
    std::string answer;
    char byte = 0;
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
        send(fd, line.data(), line.size(), MSG_NOSIGNAL) > 0) {
      while (recv(fd, &byte, 1, 0) == 1 && byte != '\n') answer += byte;
    }
    close(fd);
    return byte == '\n' ? answer : "no answer";
  }
  void Tell(const std::string& command) const { EXPECT_EQ(Ask(command), "ok") << command; }
  // The value of `key` in the status.
  std::string Status(const std::string& key) const {
    const std::string status = " " + Ask("status") + " ";
    const size_t at = status.find(" " + key + "=");
    if (at == status.npos) return "";
    const size_t begin = at + key.size() + 2;
    return status.substr(begin, status.find(' ', begin) - begin);
  }
  conformance::Program& program() { return *program_; }

 private:
  const std::string control_;
  std::unique_ptr<conformance::Program> program_;
};

// A board whose device is FOLDER/pn532.
class BoardProcess : public ToldProgram {
 public:
  explicit BoardProcess(const std::filesystem::path& folder, std::vector<std::string> more = {})
      : ToldProgram(Words(folder, std::move(more)), folder / "board"), link_(folder / "pn532") {}
  // The path to connect to.
  const std::string& link() const { return link_; }

 private:
  static std::vector<std::string> Words(const std::filesystem::path& folder,
                                        std::vector<std::string> more) {
    std::vector<std::string> words = {"madoguchi-pn532", "--link", folder / "pn532", "--slot",
                                      folder / "slot"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  const std::string link_;
};

// A card on that board: it lies there from the beginning, unless told `remove`.
class CardProcess : public ToldProgram {
 public:
  CardProcess(const std::filesystem::path& card, const std::filesystem::path& board)
      : ToldProgram({"madoguchi-card", "--dir", card, "--socket", board / "slot"}, board / "card") {
  }
  // Keys and certificates, which take long to make.
  static void Make(const std::filesystem::path& card) {
    auto made = conformance::Program::Run(
        {BuildFolder() / "bin/madoguchi-card", "--dir", card, "--make-only"},
        card.string() + ".log",
        /*await_ready=*/false);
    ASSERT_TRUE(made.ok()) << made.status();
    ASSERT_EQ((*made)->Wait(std::chrono::seconds(60)), 0);
  }
};

}  // namespace madoguchi::pn532

#endif  // MADOGUCHI_SDK_SIM_PN532_BOARD_PROCESS_H_
