// What comes in at the desk and does not fit: refused with its code, and no check is harmed.
#include <gmock/gmock.h>
#include <signal.h>

#include "sdk/conformance/desk_rules.h"
#include "sdk/failure/failure.h"
#include "sdk/secret/seal.h"
#include "tests/flows/flow.h"

namespace madoguchi::clinic {
namespace {

using namespace check::v1;  // NOLINT: codes, roles and outcomes.
using namespace desk::v1;   // NOLINT: stages.
using testing::HasSubstr;

class Desk : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    clinic_ = MakeFlowClinic(2, {{"hanako"}});
    auto* counter = clinic_->config().add_counter();
    counter->set_name("nowhere");
    counter->add_reader(ReaderPlugin() + "/No Such Reader");
    clinic_->Start();
  }
  static void TearDownTestSuite() { clinic_.reset(); }
  static inline std::unique_ptr<Clinic> clinic_;
};

Reply BeginOf(const std::string& method) {
  Reply reply;
  reply.mutable_begin()->set_method(method);
  return reply;
}

// ---- names that nobody has ----

TEST_F(Desk, ABusyCounterTakesNoSecondCheck) {
  Window window(*clinic_, 0, "hanako");
  auto colleague = clinic_->Staff();
  window.BeginByPin("");
  colleague->AwaitStage(STAGE_ASK_PIN);
  EXPECT_EQ(CodeOf(colleague->Send(BeginOf("visual"))), FAILURE_CODE_COUNTER_BUSY);
  window.Lay();
  EXPECT_TRUE(window.patient().Pin("1234").ok());
  EXPECT_EQ(window.staff().AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
  EXPECT_EQ(CodeOf(colleague->Send(BeginOf("visual"))), FAILURE_CODE_COUNTER_BUSY)
      << "the verdict still stands there";
}

TEST_F(Desk, UnknownCounter) {
  auto watcher = clinic_->Staff("7");
  ASSERT_TRUE(Await([&] { return watcher->ended().has_value(); }));
  EXPECT_EQ(CodeOf(*watcher->ended()), FAILURE_CODE_COUNTER_UNKNOWN);
  EXPECT_EQ(CodeOf(watcher->Send(BeginOf("pin"))), FAILURE_CODE_COUNTER_UNKNOWN);
}

TEST_F(Desk, NoCounterNamedWhereThereAreSeveral) {
  auto watcher = clinic_->Staff("");
  ASSERT_TRUE(Await([&] { return watcher->ended().has_value(); }));
  EXPECT_EQ(CodeOf(*watcher->ended()), FAILURE_CODE_COUNTER_UNKNOWN);
}

TEST_F(Desk, UnknownMethod) {
  Window window(*clinic_, 0, "hanako");
  EXPECT_EQ(CodeOf(window.staff().Begin("fingerprint")), FAILURE_CODE_METHOD_UNKNOWN);
  window.ExpectNextCheckWorks();
}

TEST_F(Desk, UnknownReader) {
  auto staff = clinic_->Staff("nowhere");
  ASSERT_TRUE(staff->Begin("pin").ok());
  EXPECT_EQ(staff->AwaitVerdict().failure().code(), FAILURE_CODE_READER_UNKNOWN);
  EXPECT_TRUE(staff->Close().ok());
}

TEST_F(Desk, TheTerminalNamesWhatIsUnknown) {
  const auto [counter, text] =
      clinic_->Madoguchi({"check", "--method", "pin", "--counter", "7", "--json"});
  EXPECT_EQ(counter, 2) << text;
  EXPECT_THAT(text, HasSubstr("COUNTER_UNKNOWN"));
  const auto [method, other] =
      clinic_->Madoguchi({"check", "--method", "fingerprint", "--counter", "1", "--json"});
  EXPECT_EQ(method, 2) << other;
  EXPECT_THAT(other, HasSubstr("METHOD_UNKNOWN"));
}

// ---- replies to what is not asked ----

TEST_F(Desk, StaleReplies) {
  Window window(*clinic_, 0, "hanako");
  window.BeginByPin("");
  const View asked = window.patient().AwaitStage(STAGE_ASK_PIN);
  // For another check.
  Reply cancel;
  cancel.mutable_cancel();
  cancel.set_check_id(std::string(32, '0'));
  EXPECT_EQ(CodeOf(window.staff().Send(cancel)), FAILURE_CODE_REPLY_STALE);
  // For an earlier question, and to one that is not open.
  Reply pin;
  pin.mutable_pin()->set_prompt_id(asked.pin_prompt().prompt_id());
  pin.set_check_id(asked.check_id());
  pin.set_question(asked.question() + 1);
  EXPECT_EQ(CodeOf(window.patient().Send(pin)), FAILURE_CODE_REPLY_STALE);
  Reply last_try;
  last_try.mutable_last_try()->set_go_on(true);
  EXPECT_EQ(CodeOf(window.patient().Send(last_try)), FAILURE_CODE_REPLY_STALE);
  // The same PIN twice, while nobody has asked the next question yet: the policy is thinking.
  const int policy = clinic_->Plugin("policy_pin").pid();
  ASSERT_GT(policy, 0);  // -1 would be everybody
  kill(policy, SIGSTOP);
  EXPECT_TRUE(window.patient().Pin("1234").ok());
  pin.set_question(asked.question());
  EXPECT_EQ(CodeOf(window.patient().Send(pin)), FAILURE_CODE_REPLY_STALE);
  kill(policy, SIGCONT);
  // To a check that is closed.
  window.Lay();
  EXPECT_EQ(window.staff().AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
  EXPECT_EQ(CodeOf(window.patient().Send(pin)), FAILURE_CODE_REPLY_STALE);
  EXPECT_EQ(CodeOf(window.staff().Cancel()), FAILURE_CODE_REPLY_STALE) << "it is over";
  EXPECT_TRUE(window.staff().Close().ok());
  Reply close;
  close.mutable_close();
  close.set_check_id(asked.check_id());
  EXPECT_EQ(CodeOf(window.staff().Send(close)), FAILURE_CODE_REPLY_STALE);
  EXPECT_EQ(Number(window.card(), "verifies-total"), 1);
}

TEST_F(Desk, ASealedPinOfAnotherPromptDoesNotOpen) {
  Window window(*clinic_, 0, "hanako");
  window.BeginByPin("");
  const View asked = window.patient().AwaitStage(STAGE_ASK_PIN);
  Reply pin;
  auto secret = Secret::OfSize(4);
  ASSERT_TRUE(secret.ok());
  std::fill(secret->bytes().begin(), secret->bytes().end(), '1');
  auto sealed = SealPin(*secret, asked.pin_prompt(), std::string(32, 'a'));
  ASSERT_TRUE(sealed.ok());
  *pin.mutable_pin() = *sealed;
  EXPECT_EQ(CodeOf(window.patient().Send(pin)), FAILURE_CODE_PIN_SEAL_INVALID);
  pin.mutable_pin()->set_ciphertext("short");
  EXPECT_EQ(CodeOf(window.patient().Send(pin)), FAILURE_CODE_PIN_SEAL_INVALID);
  // The question is still open.
  window.Lay();
  EXPECT_TRUE(window.patient().Pin("1234").ok());
  EXPECT_EQ(window.staff().AwaitVerdict().outcome(), OUTCOME_ELIGIBLE);
}

TEST_F(Desk, AReplyOfNoKind) {
  Window window(*clinic_, 0, "hanako");
  window.staff().AwaitStage(STAGE_IDLE);
  EXPECT_EQ(CodeOf(window.staff().Send(Reply())), FAILURE_CODE_REQUEST_INVALID);
}

// ---- roles ----

TEST_F(Desk, EachRoleHasItsOwnQuestions) {
  Window window(*clinic_, 0, "hanako");
  window.patient().AwaitStage(STAGE_IDLE);
  EXPECT_EQ(CodeOf(window.patient().Send(BeginOf("pin"))), FAILURE_CODE_ROLE_FORBIDDEN);
  window.BeginByPin("");
  const View patients = window.patient().AwaitStage(STAGE_ASK_PIN);
  const View staffs = window.staff().AwaitStage(STAGE_ASK_PIN);
  EXPECT_FALSE(staffs.has_pin_prompt());
  auto secret = Secret::OfSize(4);
  ASSERT_TRUE(secret.ok());
  std::fill(secret->bytes().begin(), secret->bytes().end(), '1');
  Reply pin;
  *pin.mutable_pin() = *SealPin(*secret, patients.pin_prompt(), patients.check_id());
  EXPECT_EQ(CodeOf(window.staff().Send(pin)), FAILURE_CODE_ROLE_FORBIDDEN);
  EXPECT_TRUE(window.staff().Cancel().ok());
  window.staff().AwaitStage(STAGE_DONE);
  window.patient().AwaitStage(STAGE_DONE);
  Reply close;
  close.mutable_close();
  EXPECT_EQ(CodeOf(window.patient().Send(close)), FAILURE_CODE_ROLE_FORBIDDEN);
}

// ---- several screens, which come and go ----

TEST_F(Desk, ScreensMayDropAndComeBackAtAnyStep) {
  auto staff = clinic_->Staff();
  auto second = clinic_->Staff();
  ASSERT_TRUE(staff->Begin("pin").ok());
  staff.reset();
  auto patient = clinic_->PatientScreen();
  const View asked = patient->AwaitStage(STAGE_ASK_PIN);
  EXPECT_TRUE(asked.has_pin_prompt());
  patient.reset();
  patient = clinic_->PatientScreen();
  const View again = patient->AwaitStage(STAGE_ASK_PIN);
  EXPECT_EQ(again.question(), asked.question());
  EXPECT_EQ(again.pin_prompt().prompt_id(), asked.pin_prompt().prompt_id());
  ASSERT_TRUE(patient->Pin("1234").ok());
  patient.reset();
  second->AwaitStage(STAGE_LAY_CARD);
  second.reset();
  // Nobody looks while the card is read and the answer comes.
  auto card = clinic_->Lay("hanako");
  ASSERT_TRUE(Await([&] { return Number(*card, "verifies") == 1; }));
  staff = clinic_->Staff();
  patient = clinic_->PatientScreen();
  const Verdict verdict = staff->AwaitVerdict();
  EXPECT_EQ(verdict.outcome(), OUTCOME_ELIGIBLE);
  EXPECT_TRUE(verdict.has_eligibility());
  const View seen = patient->AwaitStage(STAGE_DONE);
  EXPECT_FALSE(seen.verdict().has_eligibility());
  EXPECT_EQ(seen.verdict().outcome(), OUTCOME_ELIGIBLE);
  ASSERT_TRUE(staff->Close().ok());
  card.reset();
  EXPECT_TRUE(clinic_->AwaitCard(0, false));
}

TEST_F(Desk, KeepsWhatAScreenMayRelyOn) {
  conformance::Report report("the desk of a clinic");
  const auto channel = clinic_->Channel();
  conformance::ExamineDesk({{{ROLE_STAFF, channel}, {ROLE_PATIENT, channel}}, "1"}, &report);
  EXPECT_TRUE(report.Passes()) << report.Text();
  // What would spend a try is left to hosts that play.
  EXPECT_EQ(report.CountOf(conformance::Outcome::kSkipped), 3) << report.Text();
  Window window(*clinic_, 0, "hanako");
  window.ExpectNextCheckWorks();
}

TEST_F(Desk, AHostThatIsStoppedInMidCheckComesBackIdle) {
  auto staff = clinic_->Staff();
  ASSERT_TRUE(staff->Begin("pin").ok());
  staff->AwaitStage(STAGE_ASK_PIN);
  EXPECT_EQ(clinic_->host().End(), 0) << clinic_->host().Output();
  ASSERT_TRUE(Await([&] { return staff->ended().has_value(); }));
  EXPECT_FALSE(staff->ended()->ok());
  clinic_->StartHost();
  ASSERT_TRUE(clinic_->AwaitPlugins());
  EXPECT_TRUE(clinic_->AwaitCard(0, false));
  Window window(*clinic_, 0, "hanako");
  window.ExpectNextCheckWorks();
}

}  // namespace
}  // namespace madoguchi::clinic
