#include "plugins/policy_pin/policy.h"

#include <gtest/gtest.h>

#include <random>

#include "sdk/conformance/plugin_process.h"
#include "sdk/conformance/policy_play.h"

namespace madoguchi {
namespace {

using Evidence = policy::v1::ProjectedEvidence;

plugin::Settings Form(const std::string& shortest, const std::string& longest,
                      const std::string& digits) {
  return plugin::Settings(
      {{"pin_shortest", shortest}, {"pin_longest", longest}, {"pin_digits", digits}});
}

PinPolicy Started() {
  PinPolicy policy;
  EXPECT_TRUE(policy.Start(Form("4", "4", "true")).ok());
  return policy;
}

#define TO_PROOF "ASK_PIN PIN_SEALED READ_CERTIFICATE CERTIFICATE_READ PROVE_CARD "

constexpr const char* kGolden[] = {
    // The whole way, with the PIN typed on a screen and on the reader.
    TO_PROOF "CARD_PROVEN ASK_AUTHORITY ANSWERED:VALID FINISH",
    "ASK_PIN PIN_AT_PAD READ_CERTIFICATE CERTIFICATE_READ PROVE_CARD CARD_PROVEN ASK_AUTHORITY "
    "ANSWERED:NONE FINISH",
    // A wrong PIN is asked again, and the certificate is not read twice.
    TO_PROOF
    "PIN_REJECTED:2 ASK_PIN PIN_SEALED PROVE_CARD CARD_PROVEN ASK_AUTHORITY "
    "ANSWERED:INVALID FINISH",
    TO_PROOF
    "PIN_REJECTED:2 ASK_PIN PIN_AT_PAD PROVE_CARD PIN_REJECTED:1 ASK_PIN PIN_AT_PAD "
    "PROVE_CARD LAST_TRY ASK_LAST_TRY LAST_TRY_ACCEPTED PROVE_CARD PIN_BLOCKED FINISH",
    // The last try.
    TO_PROOF
    "LAST_TRY ASK_LAST_TRY LAST_TRY_ACCEPTED PROVE_CARD CARD_PROVEN ASK_AUTHORITY "
    "ANSWERED:SEVERAL FINISH",
    TO_PROOF "LAST_TRY ASK_LAST_TRY FAILED:PIN_LAST_TRY_DECLINED FINISH",
    TO_PROOF "LAST_TRY ASK_LAST_TRY LAST_TRY_ACCEPTED PROVE_CARD FAILED:PIN_HELD_TOO_LONG FINISH",
    // Blocked already.
    TO_PROOF "PIN_BLOCKED FINISH",
    // A failure at each step ends the check.
    "ASK_PIN FAILED:PIN_NOT_TYPED FINISH",
    "ASK_PIN PIN_SEALED READ_CERTIFICATE FAILED:NO_CARD FINISH",
    TO_PROOF "FAILED:CARD_GONE FINISH",
    TO_PROOF "CARD_PROVEN ASK_AUTHORITY FAILED:AUTHORITY_UNREACHABLE FINISH",
    // What this policy never asked for.
    "ASK_PIN VISUAL_MATCH REFUSED",
    "ASK_PIN CARD_PROVEN REFUSED",
    "ASK_PIN CHOSEN:yes REFUSED",
    "ASK_PIN PIN_SEALED READ_CERTIFICATE PIN_SEALED REFUSED",
    TO_PROOF "ANSWERED:VALID REFUSED",
    TO_PROOF "LAST_TRY_ACCEPTED REFUSED",
    TO_PROOF "LAST_TRY ASK_LAST_TRY CARD_PROVEN REFUSED",
    TO_PROOF "CARD_PROVEN ASK_AUTHORITY CARD_PROVEN REFUSED",
};

TEST(PinPolicy, PlaysEveryGoldenCheck) {
  PinPolicy policy = Started();
  for (const char* line : kGolden) {
    EXPECT_EQ(conformance::Play(policy, line), absl::OkStatus()) << line;
  }
}

TEST(PinPolicy, NothingFollowsTheEnd) {
  PinPolicy policy = Started();
  policy::v1::NextRequest request;
  request.add_evidence()->set_kind(Evidence::KIND_FAILED);
  ASSERT_TRUE(policy.Next(request).ok());
  request.add_evidence()->set_kind(Evidence::KIND_PIN_SEALED);
  EXPECT_EQ(policy.Next(request).status().code(), absl::StatusCode::kInvalidArgument);
}

// Whatever the card does, a card with a counter brings every check to its end.
TEST(PinPolicy, EveryCheckWithARealCounterEnds) {
  PinPolicy policy = Started();
  for (unsigned seed = 0; seed < 2000; ++seed) {
    std::mt19937 dice(seed);
    unsigned tries = 3;
    bool last_try_accepted = false;
    policy::v1::NextRequest request;
    for (;;) {
      ASSERT_LT(request.evidence_size(), 32) << "seed " << seed;
      const auto reply = policy.Next(request);
      ASSERT_TRUE(reply.ok()) << reply.status();
      const std::string step = conformance::NameOf(*reply);
      if (step == "FINISH") break;
      std::string word = dice() % 16 == 0 ? "FAILED:CARD_GONE" : "";
      if (!word.empty()) {
      } else if (step == "ASK_PIN") {
        word = dice() % 2 ? "PIN_SEALED" : "PIN_AT_PAD";
        last_try_accepted = false;
      } else if (step == "READ_CERTIFICATE") {
        word = "CERTIFICATE_READ";
      } else if (step == "ASK_LAST_TRY") {
        word = "LAST_TRY_ACCEPTED";
        last_try_accepted = true;
      } else if (step == "ASK_AUTHORITY") {
        word = "ANSWERED:VALID";
      } else if (tries == 0) {
        word = "PIN_BLOCKED";
      } else if (tries == 1 && !last_try_accepted) {
        word = "LAST_TRY";
      } else if (dice() % 4 == 0) {
        word = "CARD_PROVEN";
      } else {
        word = --tries == 0 ? "PIN_BLOCKED" : "PIN_REJECTED:" + std::to_string(tries);
      }
      *request.add_evidence() = *conformance::EvidenceOf(word);
    }
  }
}

TEST(PinPolicy, RefusesMoreEvidenceThanACheckCanHave) {
  PinPolicy policy = Started();
  policy::v1::NextRequest request;
  for (const char* word : {"PIN_SEALED", "CERTIFICATE_READ"}) {
    *request.add_evidence() = *conformance::EvidenceOf(word);
  }
  while (request.evidence_size() < 32) {
    *request.add_evidence() = *conformance::EvidenceOf("PIN_REJECTED:2");
    *request.add_evidence() = *conformance::EvidenceOf("PIN_SEALED");
  }
  EXPECT_TRUE(policy.Next(request).ok());
  *request.add_evidence() = *conformance::EvidenceOf("CARD_PROVEN");
  EXPECT_EQ(policy.Next(request).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(PinPolicy, AsksForTheFormOfItsSettings) {
  PinPolicy policy;
  ASSERT_TRUE(policy.Start(Form("6", "16", "false")).ok());
  const auto reply = policy.Next({});
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->step().ask_pin().form().shortest(), 6u);
  EXPECT_EQ(reply->step().ask_pin().form().longest(), 16u);
  EXPECT_FALSE(reply->step().ask_pin().form().digits());
}

TEST(PinPolicy, NamesTheSettingThatCannotBeUsed) {
  PinPolicy policy;
  const auto message = [&](const plugin::Settings& settings) {
    const absl::Status status = policy.Start(settings);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_NE(message(Form("0", "4", "true")).find("pin_shortest"), std::string::npos);
  EXPECT_NE(message(Form("6", "4", "true")).find("pin_longest"), std::string::npos);
  EXPECT_NE(message(Form("4", "17", "true")).find("pin_longest"), std::string::npos);
  EXPECT_NE(message(Form("4", "4", "perhaps")).find("pin_digits"), std::string::npos);
}

TEST(PinPolicyProcess, AnswersOnItsSocketWithTheDefaultsOfItsManifest) {
  auto process = conformance::PluginProcess::StartFolder("../plugins/policy_pin");
  ASSERT_TRUE(process.ok()) << process.status();
  conformance::RemotePolicy policy(**process);
  EXPECT_EQ(conformance::Play(policy, kGolden[0]), absl::OkStatus());
  EXPECT_EQ(conformance::Play(policy, "ASK_PIN VISUAL_MATCH REFUSED"), absl::OkStatus());
  EXPECT_EQ(policy.Next({})->step().ask_pin().form().longest(), 4u);
  EXPECT_EQ((*process)->End(), 0);
}

}  // namespace
}  // namespace madoguchi
