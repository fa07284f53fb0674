#include "plugins/policy_visual/policy.h"

#include <gtest/gtest.h>

#include "sdk/conformance/plugin_process.h"
#include "sdk/conformance/policy_play.h"

namespace madoguchi {
namespace {

using Evidence = policy::v1::ProjectedEvidence;

#define TO_AUTHORITY \
  "ASK_VISUAL_MATCH VISUAL_MATCH READ_CERTIFICATE CERTIFICATE_READ ASK_AUTHORITY "

constexpr const char* kGolden[] = {
    TO_AUTHORITY "ANSWERED:VALID FINISH",
    TO_AUTHORITY "ANSWERED:NONE FINISH",
    TO_AUTHORITY "FAILED:METHOD_NOT_ENTITLED FINISH",
    "ASK_VISUAL_MATCH FAILED:VISUAL_MISMATCH FINISH",
    "ASK_VISUAL_MATCH VISUAL_MATCH READ_CERTIFICATE FAILED:CARD_GONE FINISH",
    "ASK_VISUAL_MATCH CERTIFICATE_READ REFUSED",
    "ASK_VISUAL_MATCH PIN_SEALED REFUSED",
    "ASK_VISUAL_MATCH VISUAL_MATCH READ_CERTIFICATE VISUAL_MATCH REFUSED",
    TO_AUTHORITY "CARD_PROVEN REFUSED",
};

TEST(VisualPolicy, PlaysEveryGoldenCheck) {
  VisualPolicy policy;
  for (const char* line : kGolden) {
    EXPECT_EQ(conformance::Play(policy, line), absl::OkStatus()) << line;
  }
}

// All sequences of up to five pieces of evidence: each is finished, refused, or one of the few that
// go on, and none goes on after three.
TEST(VisualPolicy, EverySequenceEnds) {
  VisualPolicy policy;
  constexpr int kKinds = Evidence::Kind_MAX + 1;
  int going_on = 0;
  int total = 1;
  for (int length = 0; length <= 5; ++length, total *= kKinds) {
    for (int number = 0; number < total; ++number) {
      policy::v1::NextRequest request;
      for (int rest = number, i = 0; i < length; ++i, rest /= kKinds) {
        request.add_evidence()->set_kind(static_cast<Evidence::Kind>(rest % kKinds));
      }
      const auto reply = policy.Next(request);
      if (!reply.ok()) {
        ASSERT_EQ(reply.status().code(), absl::StatusCode::kInvalidArgument);
      } else if (!reply->has_finish()) {
        ++going_on;
        ASSERT_LT(length, 3);
      }
    }
  }
  EXPECT_EQ(going_on, 3);
}

TEST(VisualPolicyProcess, AnswersOnItsSocket) {
  auto process = conformance::PluginProcess::StartFolder("../plugins/policy_visual");
  ASSERT_TRUE(process.ok()) << process.status();
  conformance::RemotePolicy policy(**process);
  EXPECT_EQ(conformance::Play(policy, kGolden[0]), absl::OkStatus());
  EXPECT_EQ((*process)->End(), 0);
}

}  // namespace
}  // namespace madoguchi
