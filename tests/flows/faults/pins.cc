// PINs that are wrong, of another form, or the last try.
#include <gtest/gtest.h>

#include "sdk/failure/failure.h"
#include "tests/flows/faults/house.h"

namespace madoguchi::clinic {
namespace {

using namespace check::v1;  // NOLINT: codes.
using desk::v1::STAGE_LAY_CARD;

TEST(Pin, WrongIsAskedAgainAndCounted) {
  Window window = At(0);
  window.BeginByPin("0000");
  window.staff().AwaitStage(STAGE_LAY_CARD);
  window.Lay();
  const auto again = window.patient().Await(
      [](const desk::v1::View& v) { return v.pin_rejected() && v.question() != 0; });
  EXPECT_EQ(again.stage(), desk::v1::STAGE_ASK_PIN);
  EXPECT_EQ(again.tries_left(), 2u);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 1);
  EXPECT_TRUE(window.patient().Pin("1234").ok());
  EXPECT_EQ(window.staff().AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 2);
  EXPECT_EQ(Number(window.card(), "tries-left"), 3);
}

TEST(Pin, WrongAndNoOtherTyped) {
  Window window = At(0);
  window.BeginByPin("0000");
  window.staff().AwaitStage(STAGE_LAY_CARD);
  window.Lay();
  window.patient().Await([](const desk::v1::View& v) { return v.pin_rejected(); });
  EXPECT_TRUE(window.patient().Cancel().ok());
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_CANCELLED);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 1);
  EXPECT_EQ(Number(window.card(), "tries-left"), 2);
  window.ExpectNextCheckWorks();
}

TEST(Pin, OfAnotherFormSpendsNoTry) {
  Window window = At(0);
  window.Lay({}, true);
  window.BeginByPin("");
  for (const char* pin : {"123", "12345", "12a4"}) {
    const absl::Status refused = window.patient().Pin(pin);
    EXPECT_EQ(CodeOf(refused), FAILURE_CODE_PIN_FORM) << pin << refused;
  }
  EXPECT_EQ(Number(window.card(), "verifies-total"), 0);
  EXPECT_TRUE(window.patient().Pin("1234").ok());
  EXPECT_EQ(window.staff().AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 1);
}

TEST(LastTry, Refused) {
  Window window = At(0);
  window.HoldAt(Point::kLastTry);
  EXPECT_TRUE(window.LastTry(false).ok());
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_PIN_LAST_TRY_DECLINED);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 0);
  EXPECT_EQ(Number(window.card(), "tries-left"), 1);
  window.ExpectNextCheckWorks();
}

TEST(LastTry, AcceptedAndRight) {
  Window window = At(0);
  window.HoldAt(Point::kLastTry);
  EXPECT_TRUE(window.LastTry(true).ok());
  EXPECT_EQ(window.staff().AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 1);
  EXPECT_EQ(Number(window.card(), "tries-left"), 3);
}

TEST(LastTry, AcceptedAndWrongBlocks) {
  Window window = At(0);
  window.BeginByPin("0000");
  window.staff().AwaitStage(STAGE_LAY_CARD);
  window.Lay({"--fault", "tries-left=1"});
  EXPECT_TRUE(window.LastTry(true).ok());
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_PIN_BLOCKED);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 1);
  EXPECT_EQ(Number(window.card(), "tries-left"), 0);
  window.ExpectNextCheckWorks();
}

// Three wrong PINs in one check: the last of them only after a yes.
TEST(LastTry, IsAskedForInTheMiddleOfACheck) {
  Window window = At(0);
  window.BeginByPin("0000");
  window.staff().AwaitStage(STAGE_LAY_CARD);
  window.Lay();
  window.patient().Await([](const desk::v1::View& v) { return v.pin_rejected(); });
  EXPECT_TRUE(window.patient().Pin("0001").ok());
  window.patient().Await(
      [](const desk::v1::View& v) { return v.pin_rejected() && v.tries_left() == 1; });
  EXPECT_TRUE(window.patient().Pin("0002").ok());
  window.patient().AwaitStage(desk::v1::STAGE_ASK_LAST_TRY);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 2);
  EXPECT_TRUE(window.LastTry(true).ok());
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_PIN_BLOCKED);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 3);
  window.ExpectNextCheckWorks();
}

}  // namespace
}  // namespace madoguchi::clinic
