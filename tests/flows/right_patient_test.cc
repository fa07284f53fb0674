// The right patient: a card left lying does not answer for the next patient nor take their PIN.
#include <gmock/gmock.h>
#include <signal.h>

#include "sdk/failure/failure.h"
#include "tests/flows/flow.h"

namespace madoguchi::clinic {
namespace {

using namespace check::v1;  // NOLINT: codes and outcomes.
using namespace desk::v1;   // NOLINT: stages.
using testing::Contains;
using testing::Not;

class RightPatient : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    clinic_ = MakeFlowClinic(2, {{"hanako", "1111"}, {"jiro", "2222"}});
    // Whoever lays a card down on either reader is served at counter 1.
    clinic_->config().mutable_counter(0)->add_reader(clinic_->ReaderName(1));
    clinic_->Start();
  }
  static void TearDownTestSuite() { clinic_.reset(); }

  void SetUp() override {
    staff_ = clinic_->Staff();
    patient_ = clinic_->PatientScreen();
  }
  void TearDown() override {
    const View view = staff_->Await([](const View&) { return true; });
    if (view.stage() != STAGE_IDLE) {
      if (view.stage() != STAGE_DONE) {
        EXPECT_EQ(staff_->Cancel(), absl::OkStatus());
      }
      EXPECT_EQ(staff_->Close(), absl::OkStatus());
    }
    hanako_.reset();
    jiro_.reset();
    EXPECT_TRUE(clinic_->AwaitCard(0, false));
    EXPECT_TRUE(clinic_->AwaitCard(1, false));
  }

  void Take(std::unique_ptr<Card>& card, int reader) {
    if (card == nullptr) return;
    card.reset();
    EXPECT_TRUE(clinic_->AwaitCard(reader, false));
  }
  void LayHanako() {
    hanako_ = clinic_->Lay("hanako", 0);
    EXPECT_TRUE(clinic_->AwaitCard(0));
  }
  void LayJiro(int reader = 0) {
    jiro_ = clinic_->Lay("jiro", reader);
    EXPECT_TRUE(clinic_->AwaitCard(reader));
  }
  absl::Status SameCard(bool same) {
    staff_->AwaitStage(STAGE_ASK_SAME_CARD);
    Reply reply;
    reply.mutable_same_card()->set_same(same);
    return staff_->Send(reply);
  }
  void ExpectAnswerFor(const std::string& name) {
    const Verdict verdict = staff_->AwaitVerdict();
    EXPECT_EQ(verdict.outcome(), OUTCOME_ELIGIBLE) << verdict.DebugString();
    EXPECT_EQ(verdict.eligibility().name(), "試験　" + name);
  }
  // Hanako is checked, by PIN, and leaves her card.
  void HanakoLeavesHerCard() {
    LayHanako();
    ASSERT_TRUE(staff_->Begin("pin").ok());
    ASSERT_TRUE(patient_->Pin("1111").ok());
    ExpectAnswerFor("hanako");
    ASSERT_TRUE(staff_->Close().ok());
  }

  static inline std::unique_ptr<Clinic> clinic_;
  std::unique_ptr<Screen> staff_, patient_;
  std::unique_ptr<Card> hanako_, jiro_;
};

// ---- every order of card, PIN and Begin ----

TEST_F(RightPatient, CardThenBeginThenPin) {
  LayHanako();
  EXPECT_EQ(staff_->Await([](const View& v) { return v.card() == CARD_PLACE_THERE; }).card(),
            CARD_PLACE_THERE);
  ASSERT_TRUE(staff_->Begin("pin").ok());
  // Read ahead: the tries are shown while the PIN is typed.
  EXPECT_EQ(patient_->Await([](const View& v) { return v.has_tries_left(); }).tries_left(), 3u);
  ASSERT_TRUE(patient_->Pin("1111").ok());
  ExpectAnswerFor("hanako");
}

TEST_F(RightPatient, BeginThenCardThenPin) {
  ASSERT_TRUE(staff_->Begin("pin").ok());
  patient_->AwaitStage(STAGE_ASK_PIN);
  LayHanako();
  EXPECT_EQ(patient_->Await([](const View& v) { return v.has_tries_left(); }).tries_left(), 3u);
  ASSERT_TRUE(patient_->Pin("1111").ok());
  ExpectAnswerFor("hanako");
}

TEST_F(RightPatient, BeginThenPinThenCard) {
  ASSERT_TRUE(staff_->Begin("pin").ok());
  ASSERT_TRUE(patient_->Pin("1111").ok());
  staff_->AwaitStage(STAGE_LAY_CARD);
  LayHanako();
  ExpectAnswerFor("hanako");
}

// What was read ahead dies with its card: another one laid down meanwhile is read anew.
TEST_F(RightPatient, AnotherCardWhileThePinIsTyped) {
  LayHanako();
  ASSERT_TRUE(staff_->Begin("pin").ok());
  patient_->Await([](const View& v) { return v.has_tries_left(); });
  EXPECT_EQ(hanako_->Control("remove"), "ok");
  EXPECT_TRUE(clinic_->AwaitCard(0, false));
  patient_->Await([](const View& v) { return !v.has_tries_left(); });
  LayJiro();
  patient_->Await([](const View& v) { return v.has_tries_left(); });
  ASSERT_TRUE(patient_->Pin("2222").ok());
  ExpectAnswerFor("jiro");
  EXPECT_EQ(Number(*hanako_, "verifies-total"), 0);
  EXPECT_EQ(Number(*jiro_, "verifies-total"), 1);
}

TEST_F(RightPatient, EyesThenCardAndCardThenEyes) {
  for (const bool card_first : {false, true}) {
    if (card_first) LayHanako();
    ASSERT_TRUE(staff_->Begin("visual").ok());
    staff_->AwaitStage(STAGE_ASK_VISUAL_MATCH);
    Reply reply;
    reply.mutable_visual_match()->set_matches(true);
    ASSERT_TRUE(staff_->Send(reply).ok());
    if (!card_first) {
      staff_->AwaitStage(STAGE_LAY_CARD);
      LayHanako();
    }
    ExpectAnswerFor("hanako");
    ASSERT_TRUE(staff_->Close().ok());
    Take(hanako_, 0);
  }
}

// ---- a card left lying ----

TEST_F(RightPatient, ACardLeftLyingIsAskedAboutAndTheStaffSayYes) {
  HanakoLeavesHerCard();
  ASSERT_TRUE(staff_->Begin("pin").ok());
  ASSERT_TRUE(patient_->Pin("1111").ok());
  const View asked = patient_->AwaitStage(STAGE_ASK_SAME_CARD);
  EXPECT_THAT(asked.allowed(), Not(Contains(REPLY_KIND_SAME_CARD))) << "the staff alone may say";
  EXPECT_EQ(Number(*hanako_, "verifies-total"), 1);
  ASSERT_TRUE(SameCard(true).ok());
  ExpectAnswerFor("hanako");
  EXPECT_EQ(Number(*hanako_, "verifies-total"), 2);
}

TEST_F(RightPatient, ACardLeftLyingDoesNotTakeTheNextPatientsPin) {
  HanakoLeavesHerCard();
  ASSERT_TRUE(staff_->Begin("pin").ok());
  // While Jiro types, Hanako's card is not even looked at.
  const int apdus = Number(*hanako_, "apdus-total");
  ASSERT_TRUE(patient_->Pin("2222").ok());
  ASSERT_TRUE(SameCard(false).ok());
  EXPECT_EQ(staff_->AwaitStage(STAGE_LAY_CARD).card(), CARD_PLACE_THERE);
  EXPECT_EQ(Number(*hanako_, "apdus-total"), apdus);
  EXPECT_EQ(hanako_->Control("remove"), "ok");
  EXPECT_TRUE(clinic_->AwaitCard(0, false));
  LayJiro();
  ExpectAnswerFor("jiro");
  EXPECT_EQ(Number(*hanako_, "verifies-total"), 1);
  EXPECT_EQ(Number(*jiro_, "verifies-total"), 1);
}

TEST_F(RightPatient, ACardLeftLyingAndNobodySaysWhose) {
  HanakoLeavesHerCard();
  ASSERT_TRUE(staff_->Begin("pin").ok());
  ASSERT_TRUE(patient_->Pin("2222").ok());
  EXPECT_EQ(staff_->AwaitVerdict().failure().code(), FAILURE_CODE_CARD_LEFT_LYING);
  EXPECT_EQ(Number(*hanako_, "verifies-total"), 1);
}

// Taken away and laid down anew, by whom ever: it is a new card.
TEST_F(RightPatient, ACardLeftLyingIsTakenUpAndLaidDownAgain) {
  HanakoLeavesHerCard();
  ASSERT_TRUE(staff_->Begin("pin").ok());
  ASSERT_TRUE(patient_->Pin("1111").ok());
  ASSERT_TRUE(SameCard(false).ok());
  staff_->AwaitStage(STAGE_LAY_CARD);
  Take(hanako_, 0);
  LayHanako();
  ExpectAnswerFor("hanako");
}

// The counter has two readers: the old card on one of them is passed over for the new one.
TEST_F(RightPatient, ANewCardOnTheOtherReaderIsTaken) {
  HanakoLeavesHerCard();
  ASSERT_TRUE(staff_->Begin("pin").ok());
  ASSERT_TRUE(patient_->Pin("2222").ok());
  staff_->AwaitStage(STAGE_ASK_SAME_CARD);
  LayJiro(1);
  ExpectAnswerFor("jiro");
  EXPECT_EQ(Number(*hanako_, "verifies-total"), 1);
  EXPECT_EQ(Number(*jiro_, "verifies-total"), 1);
  Take(jiro_, 1);
}

// A card that came while the verdict of the patient before still stood is not the next one's.
TEST_F(RightPatient, ACardLaidDownBeforeTheCloseIsAskedAbout) {
  LayHanako();
  ASSERT_TRUE(staff_->Begin("pin").ok());
  ASSERT_TRUE(patient_->Pin("1111").ok());
  ExpectAnswerFor("hanako");
  Take(hanako_, 0);
  LayJiro();
  ASSERT_TRUE(staff_->Close().ok());
  ASSERT_TRUE(staff_->Begin("pin").ok());
  ASSERT_TRUE(patient_->Pin("2222").ok());
  ASSERT_TRUE(SameCard(true).ok());
  ExpectAnswerFor("jiro");
}

// Between the certificate and the proof the card is exchanged, while the challenge is on its way.
TEST_F(RightPatient, ACardSwappedBeforeTheProofGetsNoPin) {
  ASSERT_TRUE(staff_->Begin("pin").ok());
  ASSERT_TRUE(patient_->Pin("1111").ok());
  staff_->AwaitStage(STAGE_LAY_CARD);
  // Once a connection stands, an authority that is stopped is only slow.
  clinic_->authority()->Signal(SIGSTOP);
  LayHanako();
  staff_->AwaitStage(STAGE_PROVING);
  EXPECT_EQ(hanako_->Control("remove"), "ok");
  EXPECT_TRUE(clinic_->AwaitCard(0, false));
  LayJiro();
  clinic_->authority()->Signal(SIGCONT);
  EXPECT_EQ(staff_->AwaitVerdict().failure().code(), FAILURE_CODE_CARD_GONE);
  EXPECT_EQ(Number(*hanako_, "verifies-total"), 0);
  EXPECT_EQ(Number(*jiro_, "verifies-total"), 0);
}

// After a wrong PIN the same card is proven, or none.
TEST_F(RightPatient, ACardSwappedAfterAWrongPinGetsNoPin) {
  LayHanako();
  ASSERT_TRUE(staff_->Begin("pin").ok());
  ASSERT_TRUE(patient_->Pin("0000").ok());
  patient_->Await([](const View& v) { return v.pin_rejected(); });
  EXPECT_EQ(hanako_->Control("remove"), "ok");
  EXPECT_TRUE(clinic_->AwaitCard(0, false));
  LayJiro();
  ASSERT_TRUE(patient_->Pin("2222").ok());
  EXPECT_EQ(staff_->AwaitVerdict().failure().code(), FAILURE_CODE_CARD_GONE);
  EXPECT_EQ(Number(*hanako_, "verifies-total"), 1);
  EXPECT_EQ(Number(*jiro_, "verifies-total"), 0);
  EXPECT_EQ(hanako_->Control("fault tries-left=3"), "ok");
}

// ---- "please take your card" ----

TEST_F(RightPatient, TheViewSaysTakeTheCardUntilItIsGone) {
  LayHanako();
  ASSERT_TRUE(staff_->Begin("pin").ok());
  ASSERT_TRUE(patient_->Pin("1111").ok());
  ExpectAnswerFor("hanako");
  for (Screen* screen : {staff_.get(), patient_.get()}) {
    const View done = screen->AwaitStage(STAGE_DONE);
    EXPECT_EQ(done.card(), CARD_PLACE_TAKE_AWAY);
    EXPECT_NE(done.advice().ja().find("カードをお取りください"), std::string::npos);
  }
  ASSERT_TRUE(staff_->Close().ok());
  for (Screen* screen : {staff_.get(), patient_.get()}) {
    EXPECT_EQ(screen->AwaitStage(STAGE_IDLE).card(), CARD_PLACE_TAKE_AWAY);
  }
  Take(hanako_, 0);
  for (Screen* screen : {staff_.get(), patient_.get()}) {
    const View gone = screen->Await([](const View& v) { return v.card() == CARD_PLACE_NONE; });
    EXPECT_EQ(gone.card(), CARD_PLACE_NONE);
    EXPECT_EQ(gone.advice().ja().find("カードをお取りください"), std::string::npos);
  }
  LayJiro();
  EXPECT_EQ(staff_->Await([](const View& v) { return v.card() == CARD_PLACE_THERE; }).card(),
            CARD_PLACE_THERE);
}

// ---- cards that nobody saw come ----

TEST_F(RightPatient, ACardThatLayThereWhenThePluginBeganIsAskedAbout) {
  if (!OnPcsc()) GTEST_SKIP() << "a virtual card is inserted anew when its reader comes back";
  LayHanako();
  Unplug(*clinic_, ReaderPlugin());
  Replug(*clinic_, ReaderPlugin());
  ASSERT_TRUE(clinic_->AwaitCard(0));
  ASSERT_TRUE(staff_->Begin("pin").ok());
  ASSERT_TRUE(patient_->Pin("1111").ok());
  staff_->AwaitStage(STAGE_ASK_SAME_CARD);
  EXPECT_EQ(Number(*hanako_, "apdus-total"), 0);
  ASSERT_TRUE(SameCard(true).ok());
  ExpectAnswerFor("hanako");
}

TEST_F(RightPatient, ACardThatLayThereWhenTheHostBeganIsAskedAbout) {
  if (!OnPcsc()) GTEST_SKIP() << "a virtual card is inserted anew when its reader comes back";
  LayHanako();
  staff_.reset();
  patient_.reset();
  clinic_->StopHost();
  clinic_->StartHost();
  ASSERT_TRUE(clinic_->AwaitPlugins());
  staff_ = clinic_->Staff();
  patient_ = clinic_->PatientScreen();
  ASSERT_TRUE(clinic_->AwaitCard(0));
  ASSERT_TRUE(staff_->Begin("pin").ok());
  ASSERT_TRUE(patient_->Pin("1111").ok());
  ASSERT_TRUE(SameCard(true).ok());
  ExpectAnswerFor("hanako");
}

TEST_F(RightPatient, ACardThatLayThereWhenPcscdBeganIsAskedAbout) {
  if (!OnPcsc()) GTEST_SKIP() << "for readers/pcsc";
  LayHanako();
  // The plugin looks again only when the card is back at its place.
  const int plugin = clinic_->Plugin(ReaderPlugin()).pid();
  ASSERT_GT(plugin, 0);  // -1 would be everybody
  kill(plugin, SIGSTOP);
  auto restarted = Program::Run(
      {std::string(std::getenv("MADOGUCHI_PCSCD_DIR")) + "/private-pcscd-ctl", "restart"},
      clinic_->folder() + "/log/ctl", false);
  ASSERT_TRUE(restarted.ok());
  EXPECT_EQ((*restarted)->Wait(), 0);
  EXPECT_TRUE(Await([&] {
    const std::string trace = hanako_->Trace();
    const size_t removed = trace.rfind("# removed");
    return removed != std::string::npos && trace.find("# power-on", removed) != std::string::npos;
  }));
  kill(plugin, SIGCONT);
  // Not the card as the host knew it before.
  ASSERT_TRUE(clinic_->AwaitLyingCard(0));
  ASSERT_TRUE(staff_->Begin("pin").ok());
  ASSERT_TRUE(patient_->Pin("1111").ok());
  ASSERT_TRUE(SameCard(true).ok());
  ExpectAnswerFor("hanako");
}

}  // namespace
}  // namespace madoguchi::clinic
