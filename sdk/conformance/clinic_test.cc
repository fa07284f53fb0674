#include "sdk/conformance/clinic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "sdk/conformance/policy_play.h"
#include "sdk/conformance/policy_walk.h"

namespace madoguchi::conformance {
namespace {

using check::v1::Step;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

Step StepOf(const std::string& word) {
  Step step;
  if (word == "ASK_PIN") {
    step.mutable_ask_pin()->mutable_form()->set_shortest(4);
    step.mutable_ask_pin()->mutable_form()->set_longest(4);
  }
  if (word == "READ_CERTIFICATE") step.mutable_read_certificate();
  if (word == "PROVE_CARD") step.mutable_prove_card();
  if (word == "ASK_LAST_TRY") step.mutable_ask_last_try();
  if (word == "ASK_VISUAL_MATCH") step.mutable_ask_visual_match();
  if (word == "ASK_AUTHORITY") step.mutable_ask_authority();
  return step;
}

// "STEP EVIDENCE STEP EVIDENCE ... STEP": the last step is what the policy asks for now.
struct Asked {
  explicit Asked(const std::string& line) {
    std::istringstream words(line);
    std::string word, evidence;
    while (words >> word) {
      step = StepOf(word);
      if (words >> evidence) history.push_back({step, *EvidenceOf(evidence)});
    }
  }
  History history;
  Step step;
};

TEST(Clinic, RefusesStepsThatTheEvidenceDoesNotAllow) {
  const char* const kPinWay = "ASK_PIN PIN_SEALED READ_CERTIFICATE CERTIFICATE_READ PROVE_CARD ";
  const struct {
    std::string line;
    const char* why;  // null: allowed
  } kTable[] = {
      {"ASK_PIN", nullptr},
      {"ASK_PIN PIN_SEALED PROVE_CARD", "before READ_CERTIFICATE"},
      {"READ_CERTIFICATE CERTIFICATE_READ PROVE_CARD", "without a PIN"},
      {"READ_CERTIFICATE CERTIFICATE_READ ASK_AUTHORITY", "not proven"},
      {"ASK_AUTHORITY", "before READ_CERTIFICATE"},
      {"ASK_VISUAL_MATCH VISUAL_MATCH READ_CERTIFICATE CERTIFICATE_READ ASK_AUTHORITY", nullptr},
      {kPinWay + std::string("CARD_PROVEN ASK_AUTHORITY"), nullptr},
      {kPinWay + std::string("CARD_PROVEN ASK_AUTHORITY ANSWERED:VALID ASK_AUTHORITY"),
       "a second time"},
      {kPinWay + std::string("CARD_PROVEN READ_CERTIFICATE CERTIFICATE_READ ASK_AUTHORITY"),
       "not proven"},
      {kPinWay + std::string("PIN_REJECTED:2 PROVE_CARD"), "without a PIN"},
      {kPinWay + std::string("PIN_REJECTED:2 ASK_PIN PIN_AT_PAD PROVE_CARD"), nullptr},
      {kPinWay + std::string("LAST_TRY PROVE_CARD"), "nobody allowed"},
      {kPinWay + std::string("LAST_TRY ASK_LAST_TRY"), nullptr},
      {kPinWay + std::string("LAST_TRY ASK_LAST_TRY LAST_TRY_ACCEPTED PROVE_CARD"), nullptr},
      {"ASK_LAST_TRY", "did not come just before"},
  };
  for (const auto& row : kTable) {
    const Asked asked(row.line);
    const auto breach = WhyRefused(asked.history, asked.step, /*visual=*/true);
    ASSERT_EQ(breach.has_value(), row.why != nullptr) << row.line;
    if (breach) {
      EXPECT_THAT(breach->what, HasSubstr(row.why)) << row.line;
    }
  }
  EXPECT_TRUE(WhyRefused({}, StepOf("ASK_VISUAL_MATCH"), /*visual=*/false).has_value());
}

std::vector<std::string> Answers(const std::string& line) {
  const Asked asked(line);
  std::vector<std::string> words;
  for (const auto& evidence : AnswersTo(asked.history, asked.step, true)) {
    if (WordOf(evidence).find("FAILED") == std::string::npos) words.push_back(WordOf(evidence));
  }
  return words;
}

TEST(Clinic, CountsTheTriesOfACard) {
  const std::string read = "ASK_PIN PIN_SEALED READ_CERTIFICATE CERTIFICATE_READ ";
  EXPECT_THAT(Answers(read + "PROVE_CARD"), ElementsAre("PIN_BLOCKED", "LAST_TRY", "CARD_PROVEN",
                                                        "PIN_REJECTED:1", "PIN_REJECTED:2"));
  const std::string twice = read + "PROVE_CARD PIN_REJECTED:2 ASK_PIN PIN_SEALED ";
  EXPECT_THAT(Answers(twice + "PROVE_CARD"), ElementsAre("CARD_PROVEN", "PIN_REJECTED:1"));
  const std::string last = twice + "PROVE_CARD PIN_REJECTED:1 ASK_PIN PIN_SEALED ";
  EXPECT_THAT(Answers(last + "PROVE_CARD"), ElementsAre("LAST_TRY"));
  EXPECT_THAT(Answers(last + "PROVE_CARD LAST_TRY ASK_LAST_TRY LAST_TRY_ACCEPTED PROVE_CARD"),
              ElementsAre("CARD_PROVEN", "PIN_BLOCKED"));
}

// A policy that says the same whatever came before.
PolicyWalk::Ask Always(const Step& step) {
  return [step](const policy::v1::NextRequest&) -> absl::StatusOr<policy::v1::NextReply> {
    policy::v1::NextReply reply;
    *reply.mutable_step() = step;
    return reply;
  };
}

TEST(PolicyWalk, FindsAPolicyThatNeverEnds) {
  PolicyWalk walk(Always(StepOf("READ_CERTIFICATE")), true);
  walk.WalkAll(8, 100000);
  EXPECT_THAT(walk.breaches(), IsEmpty());
  EXPECT_TRUE(walk.all());
  // 3 kinds of evidence at each of 8 steps: 1 + 3 + ... + 3^8.
  EXPECT_EQ(walk.sequences(), 9841u);
  walk.WalkAtRandom(100, 1);
  EXPECT_THAT(walk.breaches(), ElementsAre(Pair("policy.finishes", HasSubstr("step 33"))));
}

TEST(PolicyWalk, SaysWhenItDidNotWalkAll) {
  PolicyWalk walk(Always(StepOf("READ_CERTIFICATE")), true);
  walk.WalkAll(8, 1000);
  EXPECT_FALSE(walk.all());
  EXPECT_EQ(walk.sequences(), 1000u);
}

TEST(PolicyWalk, TellsWhereAStepIsForbidden) {
  PolicyWalk walk(Always(StepOf("ASK_VISUAL_MATCH")), false);
  walk.WalkAll(8, 1000);
  EXPECT_THAT(walk.breaches(),
              Contains(Pair("policy.steps-allowed", HasSubstr("after the beginning: "))));
  EXPECT_EQ(walk.questions(), 1u);
}

}  // namespace
}  // namespace madoguchi::conformance
