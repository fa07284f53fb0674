// No reader, no pcscd, no authority.
#include <gmock/gmock.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "tests/flows/faults/house.h"

namespace madoguchi::clinic {
namespace {

using namespace check::v1;  // NOLINT: codes.

TEST(NoReader, HasItsCode) {
  Window window = At(0);
  Unplug(House(), ReaderPlugin());
  EXPECT_TRUE(window.staff().Begin("pin").ok());
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_NO_READER);
  Replug(House(), ReaderPlugin());
  EXPECT_TRUE(House().AwaitCard(0, false));
  window.ExpectNextCheckWorks();
}

class Pcscd : public testing::Test {
 protected:
  void SetUp() override {
    if (!OnPcsc()) GTEST_SKIP() << "for readers/pcsc";
  }
  static std::string Folder() { return std::getenv("MADOGUCHI_PCSCD_DIR"); }
  static void Control(const std::string& command) {
    auto ran = Program::Run({Folder() + "/private-pcscd-ctl", command},
                            House().folder() + "/log/ctl", false);
    ASSERT_TRUE(ran.ok());
    EXPECT_EQ((*ran)->Wait(), 0) << (*ran)->Output();
  }
};

TEST_F(Pcscd, NotRunning) {
  Window window = At(0);
  Control("stop");
  // A check that begins before that waits for the patient's PIN.
  ASSERT_TRUE(House().AwaitNoReader(0));
  EXPECT_TRUE(window.staff().Begin("pin").ok());
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_READER_SERVICE_DOWN);
  Control("start");
  EXPECT_TRUE(House().AwaitCard(0, false));
  window.ExpectNextCheckWorks();
}

TEST_F(Pcscd, RunsWithoutAnyReader) {
  Window window = At(0);
  Control("stop");
  std::filesystem::rename(Folder() + "/conf", Folder() + "/conf.away");
  std::filesystem::create_directory(Folder() + "/conf");
  EXPECT_TRUE(House().AwaitNoReader(0));
  Control("start");
  EXPECT_TRUE(window.staff().Begin("pin").ok());
  const FailureCode code = window.AwaitCode();
  std::filesystem::remove(Folder() + "/conf");
  std::filesystem::rename(Folder() + "/conf.away", Folder() + "/conf");
  Control("restart");
  EXPECT_TRUE(House().AwaitCard(0, false));
  EXPECT_EQ(code, FAILURE_CODE_NO_READER);
  window.ExpectNextCheckWorks();
}

TEST_F(Pcscd, DiesInMidCheck) {
  Window laying = At(0), reading = At(2), proving = At(4);
  laying.HoldAt(Point::kLayCard);
  proving.HoldAt(Point::kSigning);
  reading.HoldAt(Point::kReading);
  // Not stopped but killed, while the cards hold still: nothing that was under way gets through.
  int pid = 0;
  std::ifstream(Folder() + "/pcscd.pid") >> pid;
  ASSERT_GT(pid, 0);
  kill(pid, SIGKILL);
  Control("stop");
  reading.Release();
  proving.Release();
  EXPECT_EQ(laying.AwaitCode(), FAILURE_CODE_READER_SERVICE_DOWN);
  // Those that were talking to a card may notice it by the card or by the service.
  for (Window* window : {&reading, &proving}) {
    EXPECT_THAT(window->AwaitCode(),
                testing::AnyOf(FAILURE_CODE_READER_SERVICE_DOWN, FAILURE_CODE_READER_LOST,
                               FAILURE_CODE_CARD_GONE));
  }
  EXPECT_EQ(Number(reading.card(), "verifies-total"), 0);
  EXPECT_EQ(Number(proving.card(), "verifies-total"), 1);
  Control("start");
  for (Window* window : {&laying, &reading, &proving}) window->ExpectNextCheckWorks();
}

TEST(Authority, Down) {
  Window window = At(0);
  House().StopAuthority();
  window.BeginByPin();
  window.Lay();
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_AUTHORITY_UNREACHABLE);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 0) << "no challenge, no VERIFY";
  EXPECT_TRUE(window.staff().Close().ok());
  window.BeginByEyes();
  EXPECT_TRUE(window.SameCard(true).ok());
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_AUTHORITY_UNREACHABLE);
  House().StartAuthority();
  window.ExpectNextCheckWorks();
}

TEST(Authority, Slow) {
  Window window = At(0);
  window.ExpectNextCheckWorks();
  EXPECT_TRUE(window.staff().Close().ok());
  const int before = Number(window.card(), "verifies-total");
  House().authority()->Signal(SIGSTOP);
  window.BeginByPin();
  EXPECT_TRUE(window.SameCard(true).ok());
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_AUTHORITY_SLOW);
  House().authority()->Signal(SIGCONT);
  EXPECT_EQ(Number(window.card(), "verifies-total"), before);
  window.ExpectNextCheckWorks();
}

TEST(Authority, SlowAfterTheProof) {
  Window window = At(0);
  window.HoldAt(Point::kAskAuthority);
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_AUTHORITY_SLOW);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 1);
  window.Release();
  window.ExpectNextCheckWorks();
}

TEST(Authority, RestartedInMidCheck) {
  Window window = At(0);
  window.HoldAt(Point::kSigning);
  House().StopAuthority();
  House().StartAuthority();
  window.Release();
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_CHALLENGE_SPENT);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 1);
  window.ExpectNextCheckWorks();
}

}  // namespace
}  // namespace madoguchi::clinic
