#include "host/check/card_look.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "host/check/errands.h"
#include "host/check/fake_desk.h"
#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

using namespace check::v1;  // NOLINT: the codes.
using testing::ElementsAre;

constexpr char kPlace[] = "virtual/reader 1";

class CardLook : public testing::Test {
 protected:
  CardLook() { world_.readers.Plug("reader 1"); }

  absl::StatusOr<desk::v1::CardKind> Look(const std::string& place = kPlace) {
    return LookAtCard(world_.table, world_.readers, place, {});
  }
  desk::v1::ReaderRow Row() {
    const auto rows = world_.table.Rows();
    return rows.reader_size() > 0 ? rows.reader(0) : desk::v1::ReaderRow();
  }

  // The line for the log that comes with CARD_BUSY.
  static std::string Why(const absl::StatusOr<desk::v1::CardKind>& looked) {
    EXPECT_EQ(CodeOf(looked.status()), FAILURE_CODE_CARD_BUSY);
    return FailureOf(looked.status(), FAILURE_CODE_UNSPECIFIED).detail();
  }

  fake::FakeWorld world_;
};

TEST_F(CardLook, TakesTwoApdusAndIsToldToTheTable) {
  const auto stay = world_.readers.Lay("reader 1");
  EXPECT_EQ(Row().card(), desk::v1::CARD_KIND_UNSPECIFIED);
  const auto kind = Look();
  ASSERT_TRUE(kind.ok()) << kind.status();
  EXPECT_EQ(*kind, desk::v1::CARD_KIND_MY_NUMBER_CARD);
  EXPECT_EQ(Row().card(), desk::v1::CARD_KIND_MY_NUMBER_CARD);
  EXPECT_FALSE(Row().taken());
  EXPECT_THAT(stay->trace, ElementsAre("A4 040C", "B0 8600", "RESET"));
  // What is known is not asked again.
  EXPECT_TRUE(Look().ok());
  EXPECT_EQ(stay->trace.size(), 3u);
}

TEST_F(CardLook, AnotherCardIsNoFailure) {
  world_.readers.Lay("reader 1", play::MakeForeignCard());
  const auto kind = Look();
  ASSERT_TRUE(kind.ok()) << kind.status();
  EXPECT_EQ(*kind, desk::v1::CARD_KIND_OTHER);
}

TEST_F(CardLook, SaysWhyThereIsNothingToSee) {
  EXPECT_EQ(CodeOf(Look("virtual/reader 7").status()), FAILURE_CODE_READER_UNKNOWN);
  EXPECT_EQ(CodeOf(Look().status()), FAILURE_CODE_CARD_GONE);
  world_.readers.Lay("reader 1", play::MakeCard(), false, reader::v1::PRESENCE_UNPOWERED);
  EXPECT_EQ(CodeOf(Look().status()), FAILURE_CODE_CARD_UNPOWERED);
  world_.readers.PlugInTrouble("reader 1", FAILURE_CODE_READER_PORT_BUSY);
  EXPECT_EQ(CodeOf(Look().status()), FAILURE_CODE_READER_PORT_BUSY);
}

TEST_F(CardLook, ACardThatACheckHasIsNotTouched) {
  const auto stay = world_.readers.Lay("reader 1");
  ASSERT_TRUE(world_.table.Take(world_.table.arrivals(), "a check", false));
  EXPECT_TRUE(Row().taken());
  // The doctor (ui/terminal) tells by this line whether it is a check that has the card.
  EXPECT_EQ(Why(Look()), "a check has it");
  EXPECT_TRUE(stay->trace.empty());
}

TEST_F(CardLook, TwoAtOnceAreOne) {
  const auto stay = world_.readers.Lay("reader 1");
  std::promise<void> begun, go_on;
  stay->instead = [&](int n) -> std::optional<absl::StatusOr<std::vector<uint8_t>>> {
    if (n == 1) {
      begun.set_value();
      go_on.get_future().wait_for(std::chrono::seconds(20));
    }
    return {};
  };
  auto first = std::async(std::launch::async, [&] { return Look(); });
  begun.get_future().wait_for(std::chrono::seconds(20));
  EXPECT_EQ(Why(Look()), "somebody looks at it already");
  go_on.set_value();
  EXPECT_TRUE(first.get().ok());
}

// The look ends, the card is reset, and only then the check speaks to it.
TEST_F(CardLook, ACheckThatTakesTheCardMeanwhileIsNotHindered) {
  fake::Methods methods;
  Counter counter(world_.world, methods.all, {"1", {}});
  fake::Looker staff(counter, ROLE_STAFF);
  const auto stay = world_.readers.Lay("reader 1");
  std::promise<void> begun, go_on;
  stay->instead = [&](int n) -> std::optional<absl::StatusOr<std::vector<uint8_t>>> {
    if (n == 1) {
      begun.set_value();
      go_on.get_future().wait_for(std::chrono::seconds(20));
    }
    return {};
  };
  auto look = std::async(std::launch::async, [&] { return Look(); });
  begun.get_future().wait_for(std::chrono::seconds(20));
  ASSERT_TRUE(staff.Begin("visual").ok());
  // Taken, and read as soon as the look lets it go.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!Row().taken() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  ASSERT_TRUE(Row().taken());
  go_on.set_value();
  EXPECT_EQ(Why(look.get()), "a check has taken it meanwhile");
  const auto asked = staff.AwaitStage(desk::v1::STAGE_ASK_VISUAL_MATCH);
  desk::v1::Reply matches;
  matches.mutable_visual_match()->set_matches(true);
  ASSERT_TRUE(staff.Send(matches, asked).ok());
  const auto done = staff.AwaitStage(desk::v1::STAGE_DONE);
  EXPECT_EQ(done.verdict().outcome(), OUTCOME_ELIGIBLE) << done.verdict().ShortDebugString();
  ASSERT_GE(stay->trace.size(), 3u);
  EXPECT_EQ(stay->trace[0], "A4 040C");
  EXPECT_EQ(stay->trace[1], "RESET") << "two sessions at once";
  EXPECT_EQ(stay->trace[2], "A4 040C");
}

TEST(Errands, AreFewAtOnceAndEndWhenAsked) {
  Errands errands;
  std::atomic<int> ended = 0;
  const auto until_stopped = [&](const std::stop_token& stopping) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock<std::mutex> lock(mutex);
    wake.wait_for(lock, stopping, std::chrono::seconds(20), [] { return false; });
    ended += stopping.stop_requested();
  };
  for (size_t n = 0; n < Errands::kMost; ++n) ASSERT_TRUE(errands.Start(until_stopped));
  EXPECT_FALSE(errands.Start(until_stopped));
  errands.RequestStop();
  EXPECT_FALSE(errands.Start(until_stopped)) << "after the stop";
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (ended < static_cast<int>(Errands::kMost) && std::chrono::steady_clock::now() < until) {
    std::this_thread::yield();
  }
  EXPECT_EQ(ended, static_cast<int>(Errands::kMost));
}

TEST(Errands, ThatEndedMakeRoom) {
  std::atomic<size_t> ended = 0;
  Errands errands;
  for (size_t n = 0; n < 3 * Errands::kMost; ++n) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!errands.Start([&](const std::stop_token&) { ++ended; })) {
      ASSERT_LT(std::chrono::steady_clock::now(), until);
      std::this_thread::yield();
    }
  }
}

}  // namespace
}  // namespace madoguchi
