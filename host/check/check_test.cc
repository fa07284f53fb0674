#include "host/check/check.h"

#include "host/check/scenario.h"
#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

// While the authority thinks, the card lies there without a verified PIN and without a transaction.
TEST(CheckTest, TheCardIsResetBeforeTheAuthorityHasAnswered) {
  Scenario s;
  s.LayLate();
  bool reset = false;
  s.fake.authority.on_ask = [&](const authority::v1::AskRequest&) {
    const auto until = std::chrono::steady_clock::now() + 5s;
    while (!reset && std::chrono::steady_clock::now() < until) {
      std::lock_guard<std::mutex> lock(s.stays[0]->mutex);
      reset = s.stays[0]->trace.back() == "RESET";
    }
    return authority::v1::AskReply();
  };
  s.Run();
  EXPECT_TRUE(reset);
}

TEST(CheckTest, PulledAtEachApdu) {
  int apdus = 0;
  {
    Scenario whole;
    whole.LayLate();
    EXPECT_EQ(whole.Run().outcome(), OUTCOME_ELIGIBLE);
    apdus = static_cast<int>(whole.stays[0]->trace.size()) - 1;
  }
  ASSERT_GE(apdus, 5);
  for (int n = 1; n <= apdus; ++n) {
    Scenario s;
    s.screens.when[STAGE_LAY_CARD] = [&s, n] {
      s.Lay().instead = [n](int number) -> std::optional<absl::StatusOr<std::vector<uint8_t>>> {
        if (number >= n) return FailureStatus(FAILURE_CODE_CARD_GONE);
        return {};
      };
    };
    EXPECT_EQ(s.Run().failure().code(), FAILURE_CODE_CARD_GONE) << "APDU " << n;
    EXPECT_LE(s.Verifies(), 1) << "APDU " << n;
  }
}

TEST(CheckTest, AVerifyIsNotRepeatedByAPolicyThatWantsIt) {
  // The card goes in the VERIFY; whether the try was spent, nobody knows.
  Scenario s;
  s.flow = Script({"ask_pin { form { shortest: 4 longest: 4 digits: true } }",
                   "read_certificate {}", "prove_card {}", "prove_card {}", "prove_card {}"});
  s.screens.when[STAGE_LAY_CARD] = [&s] {
    fake::Stay& stay = s.Lay();
    stay.instead = [&stay](int) -> std::optional<absl::StatusOr<std::vector<uint8_t>>> {
      if (stay.trace.back() == "VERIFY") return FailureStatus(FAILURE_CODE_CARD_SILENT);
      return {};
    };
  };
  EXPECT_EQ(s.Run().outcome(), OUTCOME_CANNOT_TELL);
  EXPECT_EQ(s.Verifies(), 1);
}

TEST(CheckTest, ThirtyTwoStepsAndNotOneMore) {
  const std::string ask =
      "ask { text { ja: '文' en: 'Text' } role: ROLE_STAFF choices { id: 'yes' "
      "label { ja: 'はい' en: 'Yes' } } }";
  for (const int steps : {32, 33}) {
    Scenario s;
    s.flow = Script(std::vector<std::string>(steps, ask));
    for (int i = 0; i < steps; ++i) {
      s.screens.answers.emplace_back();
      s.screens.answers.back().set_choice_id("yes");
    }
    const FailureCode code = s.Run().failure().code();
    // 32 answered questions are no verdict, but they are not too many.
    EXPECT_EQ(code, steps == 32 ? FAILURE_CODE_POLICY_OVERSTEPPED : FAILURE_CODE_TOO_MANY_STEPS);
    EXPECT_EQ(s.screens.answers.size(), steps == 32 ? 0u : 1u);
  }
}

TEST(CheckTest, TheProofIsForThisCheckAndTheAskedCertificate) {
  Scenario s;
  s.LayLate();
  EXPECT_EQ(s.Run().outcome(), OUTCOME_ELIGIBLE);
  ASSERT_EQ(s.fake.authority.asked().size(), 1u);
  const auto asked = s.fake.authority.asked()[0];
  EXPECT_EQ(asked.check_id(), kCheckId);
  EXPECT_TRUE(asked.has_proof());
  EXPECT_EQ(asked.proof().signature().size(), 256u);
}

TEST(CheckTest, ByTheStaffsEyesNothingIsSigned) {
  Scenario s;
  s.flow = ByVisualMatch();
  s.LayLate();
  EXPECT_EQ(s.Run().outcome(), OUTCOME_ELIGIBLE);
  ASSERT_EQ(s.fake.authority.asked().size(), 1u);
  EXPECT_TRUE(s.fake.authority.asked()[0].has_visual_match());
  const auto& trace = s.stays[0]->trace;
  EXPECT_EQ(std::count_if(trace.begin(), trace.end(),
                          [](const std::string& line) { return line.rfind("2A", 0) == 0; }),
            0);
}

// Few APDUs is the whole of speed with a real card.
TEST(CheckTest, FewApdus) {
  Scenario pin;
  pin.LayLate();
  pin.Run();
  const size_t parts = (pin.fake.authority.asked()[0].certificate().size() + 255) / 256;
  EXPECT_LE(pin.stays[0]->trace.size() - 1, 5 + parts);
  Scenario visual;
  visual.flow = ByVisualMatch();
  visual.LayLate();
  visual.Run();
  EXPECT_LE(visual.stays[0]->trace.size() - 1, 2 + parts);
}

TEST(CheckTest, ReadAheadIsNoEvidenceAndDiesWithItsCard) {
  Scenario s;
  s.Lay();
  // The card that was read ahead goes before the PIN is typed, and another comes.
  s.screens.when[STAGE_ASK_PIN] = [&s] {
    s.fake.readers.Take("a");
    s.screens.when[STAGE_LAY_CARD] = [&s] { s.Lay(MakeCard(Paper::kExpired)); };
  };
  EXPECT_EQ(s.Run().failure().code(), FAILURE_CODE_CERTIFICATE_EXPIRED);
  EXPECT_GT(s.stays[0]->trace.size(), 1u);  // it was read,
  for (const auto& entry : s.record.entry()) {
    EXPECT_FALSE(entry.evidence().has_certificate_read());  // and is no evidence
  }
}

TEST(CheckTest, TheProofNeedsTheCardThatWasRead) {
  Scenario s;
  s.LayLate();
  s.fake.authority.on_challenge = [&s](authority::v1::ChallengeReply reply) {
    s.fake.readers.Take("a");
    s.Lay();
    return reply;
  };
  EXPECT_EQ(s.Run().failure().code(), FAILURE_CODE_CARD_GONE);
  EXPECT_EQ(s.Verifies(), 0);
}

TEST(CheckTest, APinIsNotHeldThroughALongQuestion) {
  Scenario s;
  s.LayLate();
  s.fake.world.limits.pin_held = 0ms;
  s.flow = Script({"ask_pin { form { shortest: 4 longest: 4 digits: true } }",
                   "ask { text { ja: '文' en: 'Text' } role: ROLE_STAFF choices { id: 'yes' "
                   "label { ja: 'はい' en: 'Yes' } } }",
                   "read_certificate {}", "prove_card {}"});
  s.screens.answers.emplace_back();
  s.screens.answers.back().set_choice_id("yes");
  EXPECT_EQ(s.Run().failure().code(), FAILURE_CODE_PIN_HELD_TOO_LONG);
  EXPECT_EQ(s.Verifies(), 0);
}

// One card, two counters that look at the same reader.
TEST(CheckTest, ACardThatServedAnotherCounterNeedsTheStaffsWord) {
  Scenario s;
  s.Lay();
  EXPECT_EQ(s.Run().outcome(), OUTCOME_ELIGIBLE);

  std::stop_source cancel;
  fake::FakeScreens screens(s.fake.table, cancel.get_token());
  fake::Policy policy(ByPin());
  Check::Subject other = s.subject;
  other.check_id[0] = 'f';
  Check check(s.fake.world, policy, screens, other, cancel.get_token());
  EXPECT_EQ(check.Run().failure().code(), FAILURE_CODE_CARD_LEFT_LYING);
}

TEST(CheckTest, ScenesShowTriesAndRejection) {
  Scenario s;
  s.LayLate();
  s.screens.pins = {"9999", "1234"};
  s.Run();
  const auto again = std::find_if(s.screens.scenes.begin(), s.screens.scenes.end(),
                                  [](const Scene& scene) { return scene.pin_rejected; });
  ASSERT_NE(again, s.screens.scenes.end());
  EXPECT_EQ(again->stage, STAGE_ASK_PIN);
  EXPECT_EQ(again->tries_left, 2);
  EXPECT_NE(again->pin_prompt->prompt_id(), "");
}

}  // namespace
}  // namespace madoguchi
