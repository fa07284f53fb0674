#include "readers/pcsc/reader_table.h"

#include <gtest/gtest.h>

namespace madoguchi::pcsc {
namespace {

using reader::v1::PRESENCE_ABSENT;
using reader::v1::PRESENCE_PRESENT;
using reader::v1::PRESENCE_UNPOWERED;

constexpr char kName[] = "Reader A";

DWORD Empty(DWORD events) { return SCARD_STATE_EMPTY | SCARD_STATE_CHANGED | events << 16; }
DWORD Present(DWORD events) { return SCARD_STATE_PRESENT | SCARD_STATE_CHANGED | events << 16; }

class ReaderTableTest : public testing::Test {
 protected:
  void SetUp() override { table_.SetReaders({kName}); }
  reader::v1::ReaderState State() const { return table_.Snapshot().reader(0); }
  uint64_t insertion() const { return State().insertion(); }

  ReaderTable table_;
};

TEST_F(ReaderTableTest, ShowsNothingOfAReaderBeforeTheFirstLook) {
  EXPECT_EQ(table_.Snapshot().reader_size(), 0);
  EXPECT_FALSE(table_.CardAt(kName).has_value());
  EXPECT_EQ(table_.current_state(kName), DWORD{SCARD_STATE_UNAWARE});
}

TEST_F(ReaderTableTest, ACardOfTheFirstLookIsLyingUntilItIsGone) {
  table_.Look(kName, Present(7), "atr");
  EXPECT_EQ(insertion(), 1u);
  EXPECT_TRUE(State().lying());
  EXPECT_EQ(State().atr(), "atr");
  table_.Look(kName, Present(7) | SCARD_STATE_INUSE, "atr");
  EXPECT_EQ(insertion(), 1u);
  EXPECT_TRUE(State().lying());
  table_.Look(kName, Empty(8), "");
  EXPECT_FALSE(State().lying());
  EXPECT_EQ(State().presence(), PRESENCE_ABSENT);
  table_.Look(kName, Present(9), "atr");
  EXPECT_EQ(insertion(), 2u);
  EXPECT_FALSE(State().lying());
}

TEST_F(ReaderTableTest, CountsWhatHappenedBetweenTwoLooks) {
  struct {
    DWORD before, after;
    uint64_t arrived;
  } const rows[] = {
      {Empty(0), Present(1), 1},        {Empty(0), Present(3), 2}, {Present(1), Present(3), 1},
      {Present(1), Present(7), 3},      {Present(1), Empty(2), 0}, {Present(1), Empty(4), 1},
      {Empty(2), Empty(4), 1},          {Empty(0), Empty(0), 0},   {Present(1), Present(1), 0},
      {Present(0xFFFF), Present(1), 1},  // the counter has 16 bits
      {Empty(5), Present(5), 1},         // without a counter: what is seen
      {Present(5), Present(6), 1},       // an odd step: another card at any rate
  };
  for (const auto& row : rows) {
    ReaderTable table;
    table.SetReaders({kName});
    table.Look(kName, row.before, "");
    const uint64_t before = table.Snapshot().reader(0).insertion();
    table.Look(kName, row.after, "", true);
    EXPECT_EQ(table.Snapshot().reader(0).insertion() - before, row.arrived)
        << std::hex << row.before << " -> " << row.after;
  }
}

// pcscd was asked between the two things it writes at an insertion: the card is there, not counted.
TEST_F(ReaderTableTest, AHalfWrittenInsertionIsOneCard) {
  table_.Look(kName, Empty(2), "");
  table_.Look(kName, Present(2), "atr");
  EXPECT_TRUE(table_.half_seen());
  EXPECT_EQ(State().presence(), PRESENCE_ABSENT);
  EXPECT_EQ(table_.current_state(kName), DWORD{SCARD_STATE_PRESENT | 2 << 16})
      << "the counter's next move must be news";
  table_.Look(kName, Present(2), "atr");  // The card of another reader was the news.
  EXPECT_EQ(State().presence(), PRESENCE_ABSENT);
  table_.Look(kName, Present(3), "atr");
  EXPECT_FALSE(table_.half_seen());
  EXPECT_EQ(State().presence(), PRESENCE_PRESENT);
  EXPECT_EQ(insertion(), 1u);
  EXPECT_EQ(table_.CardAt(kName)->events, 3);
  table_.Look(kName, Present(3), "atr");
  EXPECT_EQ(insertion(), 1u);
}

TEST_F(ReaderTableTest, AHalfWrittenRemovalTakesNoCardAway) {
  table_.Look(kName, Present(3), "atr");
  table_.Look(kName, Empty(3), "");
  EXPECT_EQ(State().presence(), PRESENCE_PRESENT);
  table_.Look(kName, Empty(4), "");
  EXPECT_EQ(State().presence(), PRESENCE_ABSENT);
  EXPECT_EQ(insertion(), 1u);
}

TEST_F(ReaderTableTest, WhatNeverFitsIsTakenWhenItStays) {
  table_.Look(kName, Empty(2), "");
  table_.Look(kName, Present(2), "atr");
  table_.Look(kName, Present(2), "atr", true);
  EXPECT_FALSE(table_.half_seen());
  EXPECT_EQ(State().presence(), PRESENCE_PRESENT);
  EXPECT_EQ(insertion(), 1u);
}

TEST_F(ReaderTableTest, ASwappedCardIsNotLyingAnyMore) {
  table_.Look(kName, Present(1), "");
  table_.Look(kName, Present(3), "");
  EXPECT_EQ(insertion(), 2u);
  EXPECT_FALSE(State().lying());
}

TEST_F(ReaderTableTest, GoesOnCountingWhenTheReaderComesBack) {
  table_.Look(kName, Empty(0), "");
  table_.Look(kName, Present(1), "");
  table_.SetReaders({});
  EXPECT_EQ(table_.Snapshot().reader_size(), 0);
  table_.SetReaders({"Another", kName});
  table_.Look(kName, Present(1), "");
  EXPECT_EQ(insertion(), 2u);
  EXPECT_TRUE(State().lying());
}

TEST_F(ReaderTableTest, KnowsAMuteCardAndAnotherProgram) {
  table_.Look(kName, Present(1) | SCARD_STATE_MUTE, "");
  EXPECT_EQ(State().presence(), PRESENCE_UNPOWERED);
  EXPECT_FALSE(State().busy());
  table_.Look(kName, Present(3) | SCARD_STATE_EXCLUSIVE, "atr");
  EXPECT_EQ(State().presence(), PRESENCE_PRESENT);
  EXPECT_TRUE(State().busy());
  ASSERT_TRUE(table_.CardAt(kName).has_value());
  EXPECT_EQ(table_.CardAt(kName)->events, 3);
}

TEST(ReaderTable, NamesAReaderToBeAskedOnceUntilItHasChanged) {
  ReaderTable table;
  table.SetReaders({"A", "B"});
  EXPECT_TRUE(table.TakeUnasked().empty());  // not looked at
  table.Look("A", SCARD_STATE_PRESENT | SCARD_STATE_EXCLUSIVE, "");
  table.Look("B", SCARD_STATE_EMPTY, "");
  EXPECT_EQ(table.TakeUnasked(), (std::vector<std::string>{"A", "B"}));
  EXPECT_TRUE(table.TakeUnasked().empty());  // being asked
  table.SetFacts("A", std::nullopt);
  table.SetFacts("B", ReaderFacts{true, "M", reader::v1::LINK_USB});
  EXPECT_TRUE(table.TakeUnasked().empty());  // it would say the same
  table.Look("A", SCARD_STATE_PRESENT | SCARD_STATE_EXCLUSIVE | SCARD_STATE_INUSE, "");
  EXPECT_TRUE(table.TakeUnasked().empty());  // that was the asking
  table.Look("A", SCARD_STATE_PRESENT, "");
  table.Look("B", SCARD_STATE_PRESENT | 1 << 16, "");
  EXPECT_EQ(table.TakeUnasked(), std::vector<std::string>{"A"});
  const reader::v1::Snapshot snapshot = table.Snapshot();
  EXPECT_FALSE(snapshot.reader(0).pin_pad());
  EXPECT_TRUE(snapshot.reader(1).pin_pad());
  // Unplugged and plugged in: another one may have its name.
  table.SetReaders({"A"});
  table.SetReaders({"A", "B"});
  table.Look("B", SCARD_STATE_EMPTY, "");
  EXPECT_EQ(table.TakeUnasked(), std::vector<std::string>{"B"});
  EXPECT_FALSE(table.Snapshot().reader(1).pin_pad());
}

TEST(ReaderTable, NamesAReaderAgainWhenItMayBeAbleToSayNow) {
  ReaderTable table;
  table.SetReaders({"A", "B"});
  table.Look("A", SCARD_STATE_PRESENT, "");
  table.Look("B", SCARD_STATE_PRESENT, "");
  ASSERT_EQ(table.TakeUnasked(), (std::vector<std::string>{"A", "B"}));
  table.AskAgain("A");
  table.AskAgain("B");
  table.AskAgain("C");                       // not there
  EXPECT_TRUE(table.TakeUnasked().empty());  // being asked
  table.SetFacts("A", std::nullopt);
  table.SetFacts("B", ReaderFacts{});
  EXPECT_EQ(table.TakeUnasked(), std::vector<std::string>{"A"});
  table.SetFacts("A", std::nullopt);
  EXPECT_TRUE(table.TakeUnasked().empty());
  table.AskAgain("A");
  table.AskAgain("B");
  EXPECT_EQ(table.TakeUnasked(), std::vector<std::string>{"A"});
}

TEST(ReaderTable, AnAwaitedCardIsBusy) {
  ReaderTable table;
  table.SetReaders({"A"});
  table.Look("A", SCARD_STATE_PRESENT, "");
  table.SetAwaited("A", true);
  EXPECT_TRUE(table.Snapshot().reader(0).busy());
  table.SetAwaited("A", false);
  EXPECT_FALSE(table.Snapshot().reader(0).busy());
}

}  // namespace
}  // namespace madoguchi::pcsc
