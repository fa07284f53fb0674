// Counters that share a reader: a card that is laid there is nobody's until somebody says whose.
#include <gtest/gtest.h>

#include <memory>

#include "host/check/fake_desk.h"
#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

using namespace check::v1;  // NOLINT: codes and roles.
using namespace desk::v1;   // NOLINT: stages and replies.
using namespace std::chrono_literals;
using fake::Looker;

class SharedReaderTest : public testing::Test {
 protected:
  struct Desk {
    Desk(SharedReaderTest& test, const std::string& name, Places readers)
        : counter(test.fake_.world, test.methods_.all, {name, std::move(readers)}) {}
    // Begins, types a PIN, and waits for a card.
    void AwaitCardWithPin(const std::string& pin) {
      ASSERT_TRUE(staff.Begin("pin").ok());
      ASSERT_TRUE(patient.Pin(pin, patient.AwaitStage(STAGE_ASK_PIN)).ok());
      staff.AwaitStage(STAGE_LAY_CARD);
    }
    absl::Status SayWhetherSame(bool same) {
      Reply reply;
      reply.mutable_same_card()->set_same(same);
      return staff.Send(reply, staff.AwaitStage(STAGE_ASK_SAME_CARD));
    }
    Counter counter;
    Looker staff{counter, ROLE_STAFF}, patient{counter, ROLE_PATIENT};
  };

  SharedReaderTest() {
    fake_.readers.Plug("a");
    fake_.readers.Plug("shared");
  }

  fake::FakeWorld fake_;
  fake::Methods methods_;
  Desk one_{*this, "1", {"virtual/a", "virtual/shared"}}, two_{*this, "2", {"virtual/shared"}};
};

int TriesLeft(const fake::Stay& stay) { return stay.card->state().TriesLeft("jpki.auth"); }

TEST_F(SharedReaderTest, ThePinOfOneCounterIsNotForTheCardOfTheOther) {
  one_.AwaitCardWithPin("9999");
  two_.AwaitCardWithPin("1234");
  const auto card = fake_.readers.Lay("shared");
  const View asked = one_.staff.AwaitStage(STAGE_ASK_SAME_CARD);
  EXPECT_NE(asked.advice().en().find("Another counter waits"), std::string::npos);
  EXPECT_TRUE(two_.SayWhetherSame(true).ok());
  EXPECT_EQ(two_.staff.AwaitStage(STAGE_DONE).verdict().outcome(), OUTCOME_ELIGIBLE);
  EXPECT_EQ(TriesLeft(*card), 3);
  // Counter 1 goes on to wait for its own patient.
  fake_.readers.Take("shared");
  one_.staff.AwaitStage(STAGE_LAY_CARD);
  const auto own = fake_.readers.Lay("a");
  one_.patient.Await([](const View& view) { return view.pin_rejected(); });
  EXPECT_EQ(TriesLeft(*own), 2);
}

TEST_F(SharedReaderTest, ACardInTheHandOfOneCheckIsNoQuestionOfTheOther) {
  ASSERT_TRUE(two_.staff.Begin("pin").ok());
  const auto card = fake_.readers.Lay("shared");
  two_.patient.Await([](const View& view) { return view.has_tries_left(); });
  ASSERT_TRUE(one_.staff.Begin("visual").ok());
  Reply matches;
  matches.mutable_visual_match()->set_matches(true);
  ASSERT_TRUE(one_.staff.Send(matches, one_.staff.AwaitStage(STAGE_ASK_VISUAL_MATCH)).ok());
  EXPECT_EQ(one_.staff.AwaitStage(STAGE_LAY_CARD).card(), CARD_PLACE_NONE);
  ASSERT_TRUE(one_.staff.Cancel().ok());
  const View done = one_.staff.AwaitStage(STAGE_DONE);
  EXPECT_EQ(done.card(), CARD_PLACE_NONE) << done.advice().en();
  // It is its own patient's all the while.
  ASSERT_TRUE(two_.patient.Pin("1234", two_.patient.AwaitStage(STAGE_ASK_PIN)).ok());
  EXPECT_EQ(two_.staff.AwaitStage(STAGE_DONE).verdict().outcome(), OUTCOME_ELIGIBLE);
}

TEST_F(SharedReaderTest, WhoGivesUpLeavesTheCardToTheOther) {
  one_.AwaitCardWithPin("1234");
  two_.AwaitCardWithPin("9999");
  const auto card = fake_.readers.Lay("shared");
  one_.staff.AwaitStage(STAGE_ASK_SAME_CARD);
  ASSERT_TRUE(two_.staff.Cancel().ok());
  EXPECT_EQ(one_.staff.AwaitStage(STAGE_DONE).verdict().outcome(), OUTCOME_ELIGIBLE);
  EXPECT_EQ(TriesLeft(*card), 3);
}

TEST_F(SharedReaderTest, AfterTheOtherCountersCheckItIsACardFromBefore) {
  one_.AwaitCardWithPin("9999");
  two_.AwaitCardWithPin("1234");
  const auto card = fake_.readers.Lay("shared");
  one_.staff.AwaitStage(STAGE_ASK_SAME_CARD);
  EXPECT_TRUE(two_.SayWhetherSame(true).ok());
  two_.staff.AwaitStage(STAGE_DONE);
  EXPECT_TRUE(one_.SayWhetherSame(false).ok());
  one_.staff.Await([](const View& view) { return view.stage() == STAGE_LAY_CARD; });
  EXPECT_EQ(TriesLeft(*card), 3);
}

TEST(PlacesTest, AnyReaderIsNoneThatAnotherCounterNames) {
  const Places any({}, {"pcsc/a"}), all, named({"pcsc/a", "nfc/b"}, {"pcsc/a"});
  EXPECT_FALSE(any.Have("pcsc/a"));
  EXPECT_TRUE(any.Have("pcsc/b"));
  EXPECT_TRUE(all.Have("pcsc/a"));
  EXPECT_TRUE(named.Have("pcsc/a"));
  EXPECT_FALSE(named.Have("pcsc/b"));
  EXPECT_TRUE(named.HaveSomeOf("nfc"));
  EXPECT_FALSE(named.HaveSomeOf("nf"));
}

}  // namespace
}  // namespace madoguchi
