// One check from Begin to Verdict through every process.
#include <gtest/gtest.h>

#include "tests/clinic/clinic.h"

namespace madoguchi::clinic {
namespace {

using namespace check::v1;  // NOLINT: codes and outcomes.

class CheckTest : public testing::Test {
 protected:
  static Clinic::Options Options() {
    Clinic::Options options;
    options.kind = KindOfThisRun();
    return options;
  }
  // Their jails fit them: none of them tries what it may not do.
  static void ExpectNoIncidents(Clinic& clinic) {
    for (const auto& plugin : clinic.config().plugin()) {
      const desk::v1::PluginRow row = clinic.Plugin(plugin.name());
      for (const auto& incident : row.incident()) {
        ADD_FAILURE() << plugin.name() << " " << incident.what();
      }
    }
  }
};

TEST_F(CheckTest, ByPin) {
  auto clinic = Clinic::Make(Options());
  clinic->Start();
  auto card = clinic->Lay("hanako");
  ASSERT_TRUE(clinic->AwaitCard(0));
  auto staff = clinic->Staff(), patient = clinic->PatientScreen();
  ASSERT_TRUE(staff->Begin("pin").ok());
  ASSERT_TRUE(patient->Pin("1234").ok());
  const Verdict verdict = staff->AwaitVerdict();
  EXPECT_EQ(verdict.outcome(), OUTCOME_ELIGIBLE) << verdict.DebugString();
  EXPECT_EQ(verdict.eligibility().name(), "試験　hanako");
  EXPECT_FALSE(patient->AwaitVerdict().has_eligibility());
  ExpectNoIncidents(*clinic);
}

TEST_F(CheckTest, ByTheStaffsEyes) {
  auto clinic = Clinic::Make(Options());
  clinic->Start();
  auto staff = clinic->Staff();
  ASSERT_TRUE(staff->Begin("visual").ok());
  const auto view = staff->AwaitStage(desk::v1::STAGE_ASK_VISUAL_MATCH);
  desk::v1::Reply reply;
  reply.mutable_visual_match()->set_matches(true);
  ASSERT_TRUE(staff->Send(reply).ok());
  staff->AwaitStage(desk::v1::STAGE_LAY_CARD);
  auto card = clinic->Lay("hanako");
  EXPECT_EQ(staff->AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
  ExpectNoIncidents(*clinic);
}

}  // namespace
}  // namespace madoguchi::clinic
