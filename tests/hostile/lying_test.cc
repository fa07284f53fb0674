// Plugins that claim what they did not get, and answer as they like.
#include "tests/hostile/hostile_fixture.h"

namespace madoguchi::clinic {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(HostileTest, APolicyGetsNothingThatItDidNotEarn) {
  for (const char* name :
       {"policy_claims", "policy_asks_without_end", "policy_talks", "policy_sleeps"}) {
    Add(name);
    AddMethod(name);
  }
  clinic_->Start();
  EXPECT_EQ(Check("policy_claims"), FAILURE_CODE_POLICY_OVERSTEPPED);
  EXPECT_THAT(Incidents("policy_claims"),
              ElementsAre(HasSubstr("asked for a step that it may not have")));
  EXPECT_EQ(Check("policy_talks"), FAILURE_CODE_POLICY_FAILED);
  EXPECT_THAT(Incidents("policy_talks"), ElementsAre(HasSubstr("larger than max")));
  EXPECT_EQ(Check("policy_sleeps"), FAILURE_CODE_POLICY_FAILED);
  EXPECT_THAT(Incidents("policy_sleeps"), ElementsAre(HasSubstr("Deadline Exceeded")));
  // Its questions are answered, over and over.
  const auto staff = clinic_->Staff("1");
  EXPECT_TRUE(staff->Begin("policy_asks_without_end").ok());
  uint64_t answered = 0;
  for (int asked = 0; asked < 40; ++asked) {
    const auto view = staff->Await([&](const desk::v1::View& v) {
      return v.stage() == desk::v1::STAGE_DONE || v.question() > answered;
    });
    if (view.stage() == desk::v1::STAGE_DONE) break;
    answered = view.question();
    desk::v1::Reply reply;
    reply.set_question(answered);
    reply.mutable_answer()->set_choice_id("yes");
    EXPECT_TRUE(staff->Send(reply).ok());
  }
  EXPECT_EQ(staff->AwaitVerdict().failure().code(), FAILURE_CODE_TOO_MANY_STEPS);
  EXPECT_TRUE(staff->Close().ok());
  EXPECT_THAT(Incidents("policy_asks_without_end"), ElementsAre(HasSubstr("more than 32 steps")));
  ExpectChecksWork();
}

TEST_F(HostileTest, AnAuthorityGetsNoSignatureForAnother) {
  Add("authority_lies");
  clinic_->config().mutable_authority()->set_plugin("authority_lies");
  clinic_->Start();
  Window window(*clinic_, 0, "p0");
  window.BeginByPin();
  window.Lay();
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_AUTHORITY_ANSWER_INVALID);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 0);
  EXPECT_THAT(Incidents("authority_lies"), ElementsAre(HasSubstr("for another authority")));
  EXPECT_TRUE(window.staff().Close().ok());
  window.BeginByEyes();
  EXPECT_TRUE(window.SameCard(true).ok());
  EXPECT_EQ(window.AwaitCode(), FAILURE_CODE_AUTHORITY_ANSWER_INVALID);
  EXPECT_THAT(Incidents("authority_lies"), Contains(HasSubstr("a validity that no table has")));
}

TEST_F(HostileTest, AReaderThatAnswersAsItLikesProvesNothing) {
  for (const char* name : {"reader_talks", "reader_nothing", "reader_nonsense"}) {
    Add(name);
    auto* const counter = clinic_->config().add_counter();
    counter->set_name(name);
    counter->add_reader(std::string(name) + "/trap");
  }
  clinic_->Start();
  for (const auto& [name, code] : {std::pair("reader_talks", FAILURE_CODE_READER_LOST),
                                   std::pair("reader_nothing", FAILURE_CODE_CARD_GONE),
                                   std::pair("reader_nonsense", FAILURE_CODE_CERTIFICATE_ABSENT)}) {
    const auto staff = clinic_->Staff(name), patient = clinic_->PatientScreen(name);
    EXPECT_TRUE(staff->Begin("pin").ok());
    const auto view = patient->Await([](const desk::v1::View& v) {
      return v.stage() == desk::v1::STAGE_DONE || v.stage() == desk::v1::STAGE_ASK_PIN;
    });
    if (view.stage() == desk::v1::STAGE_ASK_PIN) (void)patient->Pin("1234");
    EXPECT_EQ(staff->AwaitVerdict().failure().code(), code)
        << name << ": " << staff->AwaitVerdict().DebugString();
    EXPECT_TRUE(staff->Close().ok());
  }
  EXPECT_THAT(Incidents("reader_talks"), Contains(HasSubstr("larger than max")));
  ExpectChecksWork();
}

TEST_F(HostileTest, ASessionIsItsPluginsOwnWhateverItsNumber) {
  Add("reader_twins");
  for (const char* trap : {"trap", "other-trap"}) {
    auto* const counter = clinic_->config().add_counter();
    counter->set_name(trap);
    counter->add_reader(std::string("reader_twins/") + trap);
  }
  clinic_->Start();
  std::vector<std::unique_ptr<Screen>> staff, patients;
  for (const char* trap : {"trap", "other-trap"}) {
    staff.push_back(clinic_->Staff(trap));
    patients.push_back(clinic_->PatientScreen(trap));
    EXPECT_TRUE(staff.back()->Begin("pin").ok());
  }
  // Beside a card in a session of an honest reader.
  ExpectChecksWork();
  for (size_t i = 0; i < staff.size(); ++i) {
    const auto view = patients[i]->Await([](const desk::v1::View& v) {
      return v.stage() == desk::v1::STAGE_DONE || v.stage() == desk::v1::STAGE_ASK_PIN;
    });
    if (view.stage() == desk::v1::STAGE_ASK_PIN) (void)patients[i]->Pin("1234");
    EXPECT_EQ(staff[i]->AwaitVerdict().failure().code(), FAILURE_CODE_CERTIFICATE_ABSENT);
    EXPECT_TRUE(staff[i]->Close().ok());
  }
  ExpectChecksWork();
}

}  // namespace
}  // namespace madoguchi::clinic
