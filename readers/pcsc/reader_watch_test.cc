#include "readers/pcsc/reader_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "readers/pcsc/fake_pcsc.h"
#include "readers/pcsc/snapshot_log.h"

namespace madoguchi::pcsc {
namespace {

using reader::v1::PRESENCE_ABSENT;
using reader::v1::PRESENCE_PRESENT;

class ReaderWatchTest : public testing::Test {
 protected:
  void Start() {
    watch_ = std::make_unique<ReaderWatch>(
        api_, "/nowhere/pcscd.comm", ReaderChoice(),
        [this](reader::v1::Snapshot snapshot) { log_.Add(std::move(snapshot)); },
        [](const std::string&) {});
  }

  FakePcsc api_;
  SnapshotLog log_;
  std::unique_ptr<ReaderWatch> watch_;
};

TEST_F(ReaderWatchTest, SixteenReadersAreWatchedLikeFewer) {
  for (int i = 10; i < 26; ++i) api_.AddReader("R" + std::to_string(i));
  Start();
  ASSERT_TRUE(log_.AwaitReaders(16));
  for (uint64_t insertion = 1; insertion <= 5; ++insertion) {
    api_.Insert("R17");
    ASSERT_TRUE(log_.AwaitCard("R17", PRESENCE_PRESENT, insertion));
    EXPECT_FALSE(log_.card().lying());
    api_.Pull("R17");
    ASSERT_TRUE(log_.AwaitCard("R17", PRESENCE_ABSENT, insertion));
  }
  api_.RemoveReader("R20");
  ASSERT_TRUE(log_.AwaitReaders(15));
  api_.AddReader("R20");
  ASSERT_TRUE(log_.AwaitReaders(16));
  api_.Insert("R20");
  ASSERT_TRUE(log_.AwaitCard("R20", PRESENCE_PRESENT, 1));
  EXPECT_EQ(log_.down(), 0u);
}

TEST_F(ReaderWatchTest, AFailureThatIsNotTheLossOfPcscdTakesNothingAway) {
  api_.AddReader("A");
  api_.Insert("A");
  api_.AddReader("B");
  Start();
  ASSERT_TRUE(log_.AwaitCard("A", PRESENCE_PRESENT, 1));
  api_.FailStatus(SCARD_E_NO_MEMORY);
  api_.Insert("B");
  ASSERT_TRUE(log_.AwaitCard("B", PRESENCE_PRESENT, 1));
  ASSERT_TRUE(log_.AwaitCard("A", PRESENCE_PRESENT, 1));
  EXPECT_EQ(log_.down(), 0u);
}

TEST_F(ReaderWatchTest, TheLossOfPcscdDoes) {
  api_.AddReader("A");
  Start();
  ASSERT_TRUE(log_.AwaitReaders(1));
  api_.FailStatus(SCARD_F_COMM_ERROR);
  api_.Insert("A");
  ASSERT_TRUE(log_.AwaitCard("A", PRESENCE_PRESENT, 1));
  EXPECT_TRUE(log_.card().lying());
  EXPECT_EQ(log_.down(), 1u);
}

}  // namespace
}  // namespace madoguchi::pcsc
