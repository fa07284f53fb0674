#include "ui/terminal/keyboard.h"

#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "sdk/secret/seal.h"

namespace madoguchi::terminal {
namespace {

std::string Text(const Secret& secret) { return {secret.bytes().begin(), secret.bytes().end()}; }

class Pty : public testing::Test {
 protected:
  Pty() {
    if (openpty(&master_, &slave_, nullptr, nullptr, nullptr) != 0) std::abort();
  }
  ~Pty() override {
    close(master_);
    close(slave_);
  }
  void Type(const std::string& keys) {
    const int before = Waiting();
    ASSERT_EQ(write(master_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
    // The kernel carries the bytes over in its own time.
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (Waiting() < before + static_cast<int>(keys.size())) {
      ASSERT_LT(std::chrono::steady_clock::now(), limit);
      std::this_thread::yield();
    }
  }
  int Waiting() {
    int bytes = 0;
    ioctl(slave_, FIONREAD, &bytes);
    return bytes;
  }
  bool Echoes() {
    termios now;
    return tcgetattr(slave_, &now) == 0 && (now.c_lflag & ECHO) != 0;
  }
  // What the terminal showed so far.
  std::string Shown() {
    EXPECT_EQ(write(slave_, "#", 1), 1);
    std::string shown;
    while (shown.empty() || shown.back() != '#') {
      char byte;
      if (read(master_, &byte, 1) != 1) break;
      shown += byte;
    }
    return shown;
  }
  int master_, slave_;
  Bell bell_;
};

TEST_F(Pty, ThePinIsNotShownAndTheTerminalIsAsBefore) {
  DescriptorKeyboard keyboard(slave_, -1);
  ASSERT_TRUE(Echoes());
  ASSERT_TRUE(keyboard.BeginPin());
  EXPECT_FALSE(Echoes());
  Type("19\x7f\b0457\x7f\x36\r");  // 19, twice Backspace, 0457, Backspace, 6, Enter
  Secret pin;
  EXPECT_EQ(keyboard.ReadPin(&bell_, &pin), Typed::kLine);
  EXPECT_EQ(Text(pin), "0456");
  EXPECT_TRUE(CRYPTO_secure_allocated(pin.bytes().data()));
  keyboard.EndPin();
  EXPECT_TRUE(Echoes());
  EXPECT_EQ(Shown(), "#");
}

TEST_F(Pty, HalfAPinSurvivesTheBellAndIsGoneAfterTheEnd) {
  DescriptorKeyboard keyboard(slave_, -1);
  ASSERT_TRUE(keyboard.BeginPin());
  bell_.Ring();
  Secret pin;
  EXPECT_EQ(keyboard.ReadPin(&bell_, &pin), Typed::kWoken);
  bell_.Clear();
  Type("04");
  Type("56\n");
  EXPECT_EQ(keyboard.ReadPin(&bell_, &pin), Typed::kLine);
  EXPECT_EQ(Text(pin), "0456");
  Type("99");
  keyboard.EndPin();
  ASSERT_TRUE(keyboard.BeginPin());
  Type("\x04");  // Ctrl-D with nothing typed
  EXPECT_EQ(keyboard.ReadPin(&bell_, &pin), Typed::kEnd);
}

TEST_F(Pty, ALineTooLongIsNoPinAndCtrlUStartsAgain) {
  DescriptorKeyboard keyboard(slave_, -1);
  ASSERT_TRUE(keyboard.BeginPin());
  Type("01234567890123456789\n");
  Secret pin;
  EXPECT_EQ(keyboard.ReadPin(&bell_, &pin), Typed::kLine);
  EXPECT_EQ(pin.size(), kLongestPin + 1);
  Type("9999\x15");
  Type("0456\n");
  EXPECT_EQ(keyboard.ReadPin(&bell_, &pin), Typed::kLine);
  EXPECT_EQ(Text(pin), "0456");
}

TEST(Pipe, LinesEndedEachWayAndAnswersApart) {
  int pins[2], answers[2];
  ASSERT_EQ(pipe(pins), 0);
  ASSERT_EQ(pipe(answers), 0);
  ASSERT_EQ(write(pins[1], "0456\r\n\n12", 9), 9);
  ASSERT_EQ(write(answers[1], "y\r\n", 3), 3);
  close(pins[1]);
  close(answers[1]);
  Bell bell;
  DescriptorKeyboard keyboard(answers[0], pins[0]);
  Secret pin;
  std::string line;
  ASSERT_TRUE(keyboard.BeginPin());
  EXPECT_EQ(keyboard.ReadPin(&bell, &pin), Typed::kLine);
  EXPECT_EQ(Text(pin), "0456");
  EXPECT_EQ(keyboard.ReadLine(&bell, &line), Typed::kLine);
  EXPECT_EQ(line, "y");
  EXPECT_EQ(keyboard.ReadLine(&bell, &line), Typed::kEnd);
  EXPECT_EQ(keyboard.ReadPin(&bell, &pin), Typed::kLine);
  EXPECT_TRUE(pin.empty());
  EXPECT_EQ(keyboard.ReadPin(&bell, &pin), Typed::kLine);
  EXPECT_EQ(Text(pin), "12");
  EXPECT_EQ(keyboard.ReadPin(&bell, &pin), Typed::kEnd);
  close(pins[0]);
  close(answers[0]);
}

}  // namespace
}  // namespace madoguchi::terminal
