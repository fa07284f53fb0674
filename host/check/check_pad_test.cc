// Checks whose PIN is typed at the reader's own pad: no PIN enters the host.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "host/check/check.h"
#include "host/check/fake_screens.h"
#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

using namespace check::v1;  // NOLINT: the codes.
using testing::ElementsAre;

class CheckPadTest : public testing::Test {
 protected:
  CheckPadTest() { screens_.pins.clear(); }

  Verdict Run(Places places = {"virtual/pad"}) {
    fake::Policy policy(fake::ByPin());
    Check check(fake_.world, policy, screens_,
                {std::string(32, 'a'), "1", "pin", std::move(places), 0}, cancel_.get_token());
    const Verdict verdict = check.Run();
    record_ = check.record();
    return verdict;
  }
  std::shared_ptr<fake::Stay> LayOnPad(std::deque<bool> typed) {
    auto stay = fake_.readers.Lay("pad");
    std::lock_guard<std::mutex> lock(stay->mutex);
    stay->typed_right = std::move(typed);
    return stay;
  }
  std::vector<std::string> Brought() const {
    std::vector<std::string> brought;
    for (const Entry& entry : record_.entry()) {
      if (!entry.has_evidence()) continue;
      const auto* field = Evidence::descriptor()->FindFieldByNumber(entry.evidence().kind_case());
      brought.push_back(field->name());
    }
    return brought;
  }
  int TimesShown(desk::v1::Stage stage) const {
    return static_cast<int>(
        std::count_if(screens_.scenes.begin(), screens_.scenes.end(),
                      [&](const Scene& scene) { return scene.stage == stage; }));
  }

  fake::FakeWorld fake_;
  std::stop_source cancel_;
  fake::FakeScreens screens_{fake_.table, cancel_.get_token()};
  Record record_;
};

TEST_F(CheckPadTest, NoPinIsAskedForOnAScreen) {
  fake_.readers.Plug("pad", true);
  screens_.when[desk::v1::STAGE_LAY_CARD] = [&] { LayOnPad({true}); };
  const Verdict verdict = Run();
  EXPECT_EQ(verdict.outcome(), OUTCOME_ELIGIBLE) << verdict.ShortDebugString();
  EXPECT_THAT(Brought(), ElementsAre("pin_at_pad", "certificate_read", "card_proven", "answered"));
  EXPECT_EQ(TimesShown(desk::v1::STAGE_ASK_PIN), 0);
  EXPECT_EQ(TimesShown(desk::v1::STAGE_TYPE_AT_PAD), 1);
  EXPECT_EQ(screens_.pins_taken, 0);
}

TEST_F(CheckPadTest, AWrongPinIsTypedAgainAndTheLastTryIsAskedAbout) {
  fake_.readers.Plug("pad", true);
  screens_.last_try = {true};
  std::shared_ptr<fake::Stay> stay;
  screens_.when[desk::v1::STAGE_LAY_CARD] = [&] { stay = LayOnPad({false, false, true}); };
  const Verdict verdict = Run();
  EXPECT_EQ(verdict.outcome(), OUTCOME_ELIGIBLE) << verdict.ShortDebugString();
  EXPECT_THAT(Brought(), ElementsAre("pin_at_pad", "certificate_read", "pin_rejected", "pin_at_pad",
                                     "pin_rejected", "pin_at_pad", "last_try", "last_try_accepted",
                                     "card_proven", "answered"));
  EXPECT_EQ(std::count(stay->trace.begin(), stay->trace.end(), "VERIFY"), 3);
  const auto again =
      std::find_if(screens_.scenes.rbegin(), screens_.scenes.rend(),
                   [](const Scene& scene) { return scene.stage == desk::v1::STAGE_TYPE_AT_PAD; });
  ASSERT_NE(again, screens_.scenes.rend());
  EXPECT_TRUE(again->pin_rejected);
  EXPECT_EQ(again->tries_left, 1);
}

TEST_F(CheckPadTest, CancelledAndNotTypedEndTheCheckAndSpendNoTry) {
  fake_.readers.Plug("pad", true);
  for (const FailureCode code :
       {FAILURE_CODE_PIN_PAD_CANCELLED, FAILURE_CODE_PIN_NOT_TYPED, FAILURE_CODE_PIN_FORM}) {
    std::shared_ptr<fake::Stay> stay;
    screens_.when[desk::v1::STAGE_LAY_CARD] = [&] {
      stay = LayOnPad({true});
      std::lock_guard<std::mutex> lock(stay->mutex);
      stay->pad_fails = code;
    };
    const Verdict verdict = Run();
    EXPECT_EQ(verdict.outcome(), OUTCOME_CANNOT_TELL);
    EXPECT_EQ(verdict.failure().code(), code);
    ASSERT_NE(stay, nullptr);
    EXPECT_EQ(std::count(stay->trace.begin(), stay->trace.end(), "VERIFY"), 0);
    EXPECT_EQ(stay->trace.back(), "RESET");
    fake_.readers.Take("pad");
  }
}

TEST_F(CheckPadTest, ACardLaidOnThePadWhileTheScreenAsksIsProvenAtThePad) {
  fake_.readers.Plug("pad", true);
  fake_.readers.Plug("plain");
  screens_.when[desk::v1::STAGE_ASK_PIN] = [&] { LayOnPad({true}); };
  const Verdict verdict = Run({"virtual/pad", "virtual/plain"});
  EXPECT_EQ(verdict.outcome(), OUTCOME_ELIGIBLE) << verdict.ShortDebugString();
  EXPECT_THAT(Brought(), ElementsAre("pin_at_pad", "certificate_read", "card_proven", "answered"));
}

TEST_F(CheckPadTest, WithoutAPadAtTheCardTheScreenAsks) {
  fake_.readers.Plug("pad", true);
  fake_.readers.Plug("plain");
  screens_.pins = {"1234"};
  screens_.when[desk::v1::STAGE_ASK_PIN] = [&] { fake_.readers.Lay("plain"); };
  const Verdict verdict = Run({"virtual/pad", "virtual/plain"});
  EXPECT_EQ(verdict.outcome(), OUTCOME_ELIGIBLE) << verdict.ShortDebugString();
  EXPECT_EQ(Brought().front(), "pin_sealed");
  EXPECT_EQ(TimesShown(desk::v1::STAGE_TYPE_AT_PAD), 0);
}

TEST_F(CheckPadTest, ACardOnAReaderWithoutAPadIsNotVerifiedThere) {
  fake_.readers.Plug("pad", true);
  std::shared_ptr<fake::Stay> stay;
  screens_.when[desk::v1::STAGE_LAY_CARD] = [&] {
    fake_.readers.Plug("plain");
    stay = fake_.readers.Lay("plain");
  };
  const Verdict verdict = Run({"virtual/pad", "virtual/plain"});
  EXPECT_EQ(verdict.failure().code(), FAILURE_CODE_PIN_NOT_TYPED);
  ASSERT_NE(stay, nullptr);
  EXPECT_EQ(std::count(stay->trace.begin(), stay->trace.end(), "VERIFY"), 0);
}

}  // namespace
}  // namespace madoguchi
