// Plugins killed and checks cancelled, at each step of a check.
#include <gtest/gtest.h>

#include <set>

#include "tests/flows/faults/house.h"

namespace madoguchi::clinic {
namespace {

using namespace check::v1;  // NOLINT: codes.

constexpr Point kPoints[] = {Point::kAskPin,  Point::kLayCard, Point::kLastTry,
                             Point::kReading, Point::kSigning, Point::kAskAuthority};

// Kills `plugin` while each counter stands at another step, and lets all go on. What becomes of
// them is `code`, but for those of `unharmed`, which needed it no more.
void KilledAtEachStep(const std::string& plugin, FailureCode code, std::set<Point> unharmed) {
  std::vector<std::unique_ptr<Window>> windows;
  for (int i = 0; i < kWindows; ++i) {
    windows.push_back(std::make_unique<Window>(House(), i, "p" + std::to_string(i)));
    windows[i]->HoldAt(kPoints[i]);
  }
  Unplug(House(), plugin);
  for (const auto& window : windows) window->GoOn();
  for (int i = 0; i < kWindows; ++i) {
    const FailureCode found = windows[i]->AwaitCode();
    EXPECT_EQ(found, unharmed.count(kPoints[i]) ? FAILURE_CODE_UNSPECIFIED : code)
        << NameOf(kPoints[i]) << ": " << FailureCode_Name(found);
    const bool proven = kPoints[i] == Point::kSigning || kPoints[i] == Point::kAskAuthority;
    EXPECT_EQ(Number(windows[i]->card(), "verifies-total"), proven ? 1 : 0) << NameOf(kPoints[i]);
  }
  Replug(House(), plugin);
  for (int i = 0; i < kWindows; ++i) EXPECT_TRUE(House().AwaitCard(i));
  for (const auto& window : windows) window->ExpectNextCheckWorks();
}

TEST(Killed, ReaderAtEachStep) {
  KilledAtEachStep(ReaderPlugin(), FAILURE_CODE_READER_LOST, {Point::kAskAuthority});
}

TEST(Killed, PolicyAtEachStep) { KilledAtEachStep("policy_pin", FAILURE_CODE_POLICY_FAILED, {}); }

TEST(Killed, AuthorityAtEachStep) {
  KilledAtEachStep("authority_online", FAILURE_CODE_AUTHORITY_UNREACHABLE, {});
}

// A session whose opening was under way when the check was cancelled would hold its card for ever.
TEST(CancelledAtOnce, LeavesNoSessionBehind) {
  Window window = At(0);
  for (int round = 0; round < (OnPcsc() ? 2 : 20); ++round) {
    window.Lay({}, true);
    EXPECT_TRUE(window.staff().Begin("visual").ok());
    window.staff().AwaitStage(desk::v1::STAGE_ASK_VISUAL_MATCH);
    EXPECT_TRUE(window.staff().Cancel().ok());
    EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_CANCELLED);
    window.ExpectNextCheckWorks();
    EXPECT_TRUE(window.staff().Close().ok());
    window.TakeAway();
  }
}

class Cancelled : public testing::TestWithParam<std::tuple<Point, bool>> {};

TEST_P(Cancelled, AtEachStep) {
  const auto [point, by_staff] = GetParam();
  Window window = At(0);
  window.HoldAt(point);
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE((by_staff ? window.staff() : window.patient()).Cancel().ok());
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_CANCELLED);
  // Not even a card that does not answer holds it up for long.
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(4));
  window.Release();
  const bool proven = point == Point::kSigning || point == Point::kAskAuthority;
  if (!window.has_card()) window.Lay({}, true);
  // The PIN that was typed is not used for what comes next.
  EXPECT_TRUE(window.staff().Close().ok());
  window.BeginByEyes();
  EXPECT_TRUE(window.SameCard(true).ok());
  EXPECT_EQ(window.staff().AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
  EXPECT_EQ(Number(window.card(), "verifies-total"), proven ? 1 : 0);
  window.ExpectNextCheckWorks();
}

INSTANTIATE_TEST_SUITE_P(
    , Cancelled,
    testing::Combine(testing::Values(Point::kAskPin, Point::kVisualMatch, Point::kLayCard,
                                     Point::kSameCard, Point::kReading, Point::kChallenge,
                                     Point::kSigning, Point::kLastTry, Point::kAskAuthority),
                     testing::Bool()),
    [](const auto& row) {
      return std::string(NameOf(std::get<0>(row.param))) +
             (std::get<1>(row.param) ? "ByStaff" : "ByPatient");
    });

}  // namespace
}  // namespace madoguchi::clinic
