// Whole checks through every process, in which reader and card are a recording.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/clinic/clinic.h"

namespace madoguchi::clinic {
namespace {

using namespace check::v1;  // NOLINT: codes and outcomes.

std::unique_ptr<Clinic> Playing(const std::string& recording) {
  Clinic::Options options;
  options.readers = 1;
  options.recording = recording;
  auto clinic = Clinic::Make(options);
  clinic->Start();
  return clinic;
}

TEST(RecordingTest, ByPin) {
  auto clinic = Playing("pin_eligible.textproto");
  auto staff = clinic->Staff(), patient = clinic->PatientScreen();
  ASSERT_TRUE(staff->Begin("pin").ok());
  ASSERT_TRUE(patient->Pin("1234").ok());
  const Verdict verdict = staff->AwaitVerdict();
  EXPECT_EQ(verdict.outcome(), OUTCOME_ELIGIBLE) << verdict.DebugString();
  EXPECT_EQ(verdict.eligibility().name(), "試験　hanako");
  // Whoever laid it down took it away: the counter is free for the next one.
  EXPECT_TRUE(clinic->AwaitCard(0, false));
}

TEST(RecordingTest, ByTheStaffsEyes) {
  auto clinic = Playing("visual_eligible.textproto");
  auto staff = clinic->Staff();
  ASSERT_TRUE(staff->Begin("visual").ok());
  staff->AwaitStage(desk::v1::STAGE_ASK_VISUAL_MATCH);
  desk::v1::Reply reply;
  reply.mutable_visual_match()->set_matches(true);
  ASSERT_TRUE(staff->Send(reply).ok());
  const Verdict verdict = staff->AwaitVerdict();
  EXPECT_EQ(verdict.outcome(), OUTCOME_ELIGIBLE) << verdict.DebugString();
  EXPECT_TRUE(clinic->AwaitCard(0, false));
}

TEST(RecordingTest, AWrongPinStaysWrong) {
  auto clinic = Playing("pin_wrong.textproto");
  auto staff = clinic->Staff(), patient = clinic->PatientScreen();
  ASSERT_TRUE(staff->Begin("pin").ok());
  ASSERT_TRUE(patient->Pin("1234").ok());
  const auto again = patient->Await([](const desk::v1::View& view) {
    return view.stage() == desk::v1::STAGE_ASK_PIN && view.tries_left() == 2;
  });
  EXPECT_EQ(again.tries_left(), 2u);
}

// What nobody recorded ends the check with a code, and the log says which command it was.
TEST(RecordingTest, WhatWasNotRecordedEndsTheCheck) {
  auto clinic = Playing("visual_eligible.textproto");
  auto staff = clinic->Staff(), patient = clinic->PatientScreen();
  ASSERT_TRUE(staff->Begin("pin").ok());
  ASSERT_TRUE(patient->Pin("1234").ok());
  const Verdict verdict = staff->AwaitVerdict();
  EXPECT_EQ(verdict.outcome(), OUTCOME_CANNOT_TELL);
  EXPECT_EQ(verdict.failure().code(), FAILURE_CODE_CARD_ANSWER_INVALID) << verdict.DebugString();
  EXPECT_THAT(verdict.failure().detail(), testing::HasSubstr("no answer to 002000"));
}

}  // namespace
}  // namespace madoguchi::clinic
