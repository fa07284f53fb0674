#include "host/loader/plugin_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace madoguchi {
namespace {

using namespace std::chrono_literals;

class PluginLogTest : public testing::Test {
 protected:
  PluginLogTest() { EXPECT_EQ(pipe2(ends_, O_NONBLOCK | O_CLOEXEC), 0); }
  ~PluginLogTest() override {
    for (const int end : ends_) close(end);
  }
  // As much as the pipe takes: 64 KiB.
  void Fill(size_t length_of_lines = 4096) {
    std::string lines;
    while (lines.size() < 4096) lines += std::string(length_of_lines - 1, 'f') + "\n";
    while (write(ends_[1], lines.data(), lines.size()) > 0) {
    }
  }

  int ends_[2] = {};
  PluginLog log_;
  PluginLog::Time now_{1h};
};

TEST_F(PluginLogTest, KeepsTheLastLines) {
  for (int i = 0; i < 25; ++i) dprintf(ends_[1], "line %d\n", i);
  dprintf(ends_[1], "without an end");
  EXPECT_FALSE(log_.Take(ends_[0], now_));
  ASSERT_EQ(log_.lines().size(), 20u);
  EXPECT_EQ(log_.lines().back(), "line 24");
  log_.End(ends_[0]);
  EXPECT_EQ(log_.lines().back(), "without an end");
}

TEST_F(PluginLogTest, TakesSoMuchInASecondAndTheRestInTheNext) {
  int told = 0, turns = 0;
  for (; turns < 10000 && !log_.IsFull(now_); ++turns) {
    Fill();
    told += log_.Take(ends_[0], now_);
  }
  EXPECT_EQ(told, 1);
  const size_t turn = (64 << 10) + 16 * PluginLog::kCostOfLine;
  EXPECT_EQ(turns, static_cast<int>((PluginLog::kMostInASecond + turn - 1) / turn));
  Fill();
  const auto waits = [&] {
    int bytes = 0;
    EXPECT_EQ(ioctl(ends_[0], FIONREAD, &bytes), 0);
    return bytes;
  };
  const int before = waits();
  EXPECT_GT(before, 0);
  EXPECT_FALSE(log_.Take(ends_[0], now_ + 999ms));
  EXPECT_EQ(waits(), before);
  EXPECT_FALSE(log_.IsFull(now_ + 1s));
  EXPECT_FALSE(log_.Take(ends_[0], now_ + 1s));
  EXPECT_EQ(waits(), 0);
}

TEST_F(PluginLogTest, TakesFewerOfShortLines) {
  int turns = 0;
  for (; turns < 10000 && !log_.IsFull(now_); ++turns) {
    Fill(1);
    log_.Take(ends_[0], now_);
  }
  EXPECT_EQ(turns, 1) << "65,536 lines are more than a second's";
}

}  // namespace
}  // namespace madoguchi
