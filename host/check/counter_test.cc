#include "host/check/counter.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "host/check/fake_desk.h"
#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

using namespace check::v1;  // NOLINT: codes and roles.
using namespace desk::v1;   // NOLINT: stages and replies.
using namespace std::chrono_literals;
using fake::Looker;

bool Allows(const View& view, ReplyKind kind) {
  return std::find(view.allowed().begin(), view.allowed().end(), kind) != view.allowed().end();
}

class CounterTest : public testing::Test {
 protected:
  CounterTest() {
    fake_.readers.Plug("a");
    fake_.world.limits.no_reader = 1ms;
  }

  fake::FakeWorld fake_;
  fake::Methods methods_;
  Counter counter_{fake_.world, methods_.all, {"1", {"virtual/a"}}};
  Looker staff_{counter_, ROLE_STAFF}, patient_{counter_, ROLE_PATIENT};
};

TEST_F(CounterTest, EachRoleSeesItsView) {
  EXPECT_EQ(staff_.View().stage(), STAGE_IDLE);
  EXPECT_TRUE(Allows(staff_.View(), REPLY_KIND_BEGIN));
  EXPECT_EQ(staff_.View().method_size(), 3);
  EXPECT_EQ(patient_.View().allowed_size(), 0);
  EXPECT_EQ(patient_.View().method_size(), 0);

  ASSERT_TRUE(staff_.Begin("pin").ok());
  const View asked = patient_.AwaitStage(STAGE_ASK_PIN);
  EXPECT_TRUE(Allows(asked, REPLY_KIND_PIN));
  EXPECT_TRUE(asked.has_pin_prompt());
  const View watched = staff_.View();
  EXPECT_FALSE(watched.has_pin_prompt());
  EXPECT_FALSE(Allows(watched, REPLY_KIND_PIN));
  EXPECT_TRUE(Allows(watched, REPLY_KIND_CANCEL));
  EXPECT_NE(asked.title().ja(), watched.title().ja());

  fake_.readers.Lay("a");
  ASSERT_TRUE(
      patient_.Pin("1234", patient_.Await([](const View& view) { return view.has_tries_left(); }))
          .ok());
  const View done = staff_.AwaitStage(STAGE_DONE);
  EXPECT_EQ(done.verdict().outcome(), OUTCOME_ELIGIBLE);
  EXPECT_EQ(done.verdict().eligibility().name(), "試験　花子");
  EXPECT_EQ(done.card(), CARD_PLACE_TAKE_AWAY);
  EXPECT_NE(done.advice().ja().find("お取り"), std::string::npos);
  EXPECT_TRUE(Allows(done, REPLY_KIND_CLOSE));
  const View told = patient_.View();
  EXPECT_TRUE(told.has_verdict());
  EXPECT_FALSE(told.verdict().has_eligibility());
  EXPECT_EQ(told.allowed_size(), 0);
  const Looker admin(counter_, ROLE_ADMIN);
  EXPECT_FALSE(admin.View().verdict().has_eligibility());

  ASSERT_TRUE(staff_.Close().ok());
  EXPECT_EQ(staff_.View().stage(), STAGE_IDLE);
  EXPECT_EQ(staff_.View().card(), CARD_PLACE_TAKE_AWAY);
  fake_.readers.Take("a");
  EXPECT_EQ(staff_.View().card(), CARD_PLACE_NONE);
}

TEST_F(CounterTest, BeginIsRefusedWithItsReason) {
  EXPECT_EQ(CodeOf(patient_.Begin("pin")), FAILURE_CODE_ROLE_FORBIDDEN);
  EXPECT_EQ(CodeOf(staff_.Begin("none")), FAILURE_CODE_METHOD_UNKNOWN);
  EXPECT_EQ(staff_.View().stage(), STAGE_IDLE);
  ASSERT_TRUE(staff_.Begin("pin").ok());
  EXPECT_EQ(CodeOf(staff_.Begin("pin")), FAILURE_CODE_COUNTER_BUSY);
  patient_.AwaitStage(STAGE_ASK_PIN);
  ASSERT_TRUE(staff_.Cancel().ok());
  staff_.AwaitStage(STAGE_DONE);
  EXPECT_EQ(CodeOf(staff_.Begin("pin")), FAILURE_CODE_COUNTER_BUSY);
  ASSERT_TRUE(staff_.Close().ok());
  EXPECT_TRUE(staff_.Begin("visual").ok());
}

TEST_F(CounterTest, RepliesThatComeTooLateOrTwiceAreStale) {
  ASSERT_TRUE(staff_.Begin("question").ok());
  const View first = patient_.AwaitStage(STAGE_ASK);
  Reply yes;
  yes.mutable_answer()->set_choice_id("yes");
  Reply odd;
  odd.mutable_answer()->set_choice_id("perhaps");
  EXPECT_EQ(CodeOf(patient_.Send(odd, first)), FAILURE_CODE_REQUEST_INVALID);
  EXPECT_EQ(CodeOf(staff_.Send(yes, first)), FAILURE_CODE_ROLE_FORBIDDEN);
  EXPECT_EQ(CodeOf(patient_.Send(Reply(), first)), FAILURE_CODE_REQUEST_INVALID);
  Reply pin;
  pin.mutable_pin();
  EXPECT_EQ(CodeOf(patient_.Send(pin, first)), FAILURE_CODE_REPLY_STALE);
  View other = first;
  other.set_check_id(std::string(32, '0'));
  EXPECT_EQ(CodeOf(patient_.Send(yes, other)), FAILURE_CODE_REPLY_STALE);
  other = first;
  other.set_question(first.question() + 1);
  EXPECT_EQ(CodeOf(patient_.Send(yes, other)), FAILURE_CODE_REPLY_STALE);

  EXPECT_TRUE(patient_.Send(yes, first).ok());
  // The second press of the same button, whether the next question is there already or not.
  EXPECT_EQ(CodeOf(patient_.Send(yes, first)), FAILURE_CODE_REPLY_STALE);
  const View second = patient_.Await([&](const View& view) {
    return view.stage() == STAGE_ASK && view.question() > first.question();
  });
  EXPECT_EQ(CodeOf(patient_.Send(yes, first)), FAILURE_CODE_REPLY_STALE);
  EXPECT_TRUE(patient_.Send(yes, second).ok());
  const View done = staff_.AwaitStage(STAGE_DONE);
  EXPECT_EQ(CodeOf(staff_.Cancel()), FAILURE_CODE_REPLY_STALE);
  EXPECT_EQ(CodeOf(patient_.Close()), FAILURE_CODE_ROLE_FORBIDDEN);
  EXPECT_TRUE(staff_.Close().ok());
  EXPECT_EQ(CodeOf(staff_.Send(yes, done)), FAILURE_CODE_REPLY_STALE);
}

TEST_F(CounterTest, TheSecondOfTwoRepliesIsStaleWhileTheCheckThinks) {
  // The policy is slow: the question is closed, the next not yet there.
  std::mutex gate;
  std::unique_lock<std::mutex> closed(gate);
  fake::Policy slow([&](const policy::v1::NextRequest& request) {
    if (request.evidence_size() > 0) std::lock_guard<std::mutex> wait(gate);
    return fake::Script(
        {"ask { text { ja: '文' en: 'Text' } role: ROLE_PATIENT "
         "choices { id: 'yes' label { ja: 'はい' en: 'Yes' } } }"})(request);
  });
  methods_.all[2].policy = &slow;
  ASSERT_TRUE(staff_.Begin("question").ok());
  const View view = patient_.AwaitStage(STAGE_ASK);
  Reply yes;
  yes.mutable_answer()->set_choice_id("yes");
  EXPECT_TRUE(patient_.Send(yes, view).ok());
  EXPECT_EQ(CodeOf(patient_.Send(yes, view)), FAILURE_CODE_REPLY_STALE);
  EXPECT_EQ(patient_.View().question(), 0u);
  EXPECT_FALSE(Allows(patient_.View(), REPLY_KIND_ANSWER));
  closed.unlock();
  staff_.AwaitStage(STAGE_DONE);
  counter_.Stop();
}

TEST_F(CounterTest, APinOfAnotherFormOrSealIsRefusedAndTheQuestionStaysOpen) {
  ASSERT_TRUE(staff_.Begin("pin").ok());
  const View view = patient_.AwaitStage(STAGE_ASK_PIN);
  EXPECT_EQ(CodeOf(patient_.Pin("123", view)), FAILURE_CODE_PIN_FORM);
  View other = view;
  other.set_check_id(std::string(32, 'f'));
  Reply pin;
  *pin.mutable_pin() = fake::Seal("1234", view.pin_prompt(), other.check_id());
  EXPECT_EQ(CodeOf(patient_.Send(pin, view)), FAILURE_CODE_PIN_SEAL_INVALID);
  EXPECT_EQ(CodeOf(staff_.Pin("1234", view)), FAILURE_CODE_ROLE_FORBIDDEN);
  EXPECT_EQ(patient_.View().question(), view.question());
  EXPECT_TRUE(patient_.Pin("1234", view).ok());
}

TEST_F(CounterTest, ACardThatIsReadAheadKeepsTheQuestionsNumber) {
  ASSERT_TRUE(staff_.Begin("pin").ok());
  const View before = patient_.AwaitStage(STAGE_ASK_PIN);
  fake_.readers.Lay("a");
  const View after = patient_.Await([](const View& view) { return view.has_tries_left(); });
  EXPECT_EQ(after.tries_left(), 3u);
  EXPECT_EQ(after.question(), before.question());
  EXPECT_TRUE(patient_.Pin("1234", before).ok());
  EXPECT_EQ(staff_.AwaitStage(STAGE_DONE).verdict().outcome(), OUTCOME_ELIGIBLE);
}

TEST_F(CounterTest, TheStaffsWordIsForOneCard) {
  fake_.readers.Lay("a", fake::MakeCard(), /*lying=*/true);
  ASSERT_TRUE(staff_.Begin("visual").ok());
  const View match = staff_.AwaitStage(STAGE_ASK_VISUAL_MATCH);
  Reply matches;
  matches.mutable_visual_match()->set_matches(true);
  ASSERT_TRUE(staff_.Send(matches, match).ok());
  const View asked = staff_.AwaitStage(STAGE_ASK_SAME_CARD);
  EXPECT_FALSE(Allows(patient_.View(), REPLY_KIND_SAME_CARD));
  // The plugin dies and comes back: what lies there may be another card now.
  fake_.readers.Restart();
  const View again = staff_.Await([&](const View& view) {
    return view.stage() == STAGE_ASK_SAME_CARD && view.question() != asked.question() &&
           view.question() != 0;
  });
  EXPECT_NE(again.question(), asked.question());
  Reply same;
  same.mutable_same_card()->set_same(true);
  EXPECT_EQ(CodeOf(staff_.Send(same, asked)), FAILURE_CODE_REPLY_STALE);
  EXPECT_TRUE(staff_.Send(same, again).ok());
  EXPECT_EQ(staff_.AwaitStage(STAGE_DONE).verdict().outcome(), OUTCOME_ELIGIBLE);
}

// What the card was asked so far; its reset may come after the verdict.
std::vector<std::string> Apdus(fake::Stay& stay) {
  std::lock_guard<std::mutex> lock(stay.mutex);
  std::vector<std::string> apdus = stay.trace;
  std::erase(apdus, "RESET");
  return apdus;
}

// Every order of card, PIN and Begin after another patient's check.
TEST_F(CounterTest, ACardLeftLyingIsNotTheNextPatients) {
  const auto card = fake_.readers.Lay("a");
  ASSERT_TRUE(staff_.Begin("pin").ok());
  ASSERT_TRUE(patient_.Pin("1234", patient_.AwaitStage(STAGE_ASK_PIN)).ok());
  staff_.AwaitStage(STAGE_DONE);
  ASSERT_TRUE(staff_.Close().ok());
  const auto apdus = Apdus(*card);

  ASSERT_TRUE(staff_.Begin("pin").ok());
  const View prompt = patient_.AwaitStage(STAGE_ASK_PIN);
  ASSERT_TRUE(patient_.Pin("9999", prompt).ok());
  staff_.AwaitStage(STAGE_ASK_SAME_CARD);
  EXPECT_EQ(Apdus(*card), apdus) << "the other patient's card was asked something";
  // The next patient's own card does not wait for the word about the old one.
  fake_.readers.Take("a");
  staff_.AwaitStage(STAGE_LAY_CARD);
  const auto own = fake_.readers.Lay("a");
  patient_.Await([](const View& view) { return view.pin_rejected(); });
  EXPECT_EQ(own->card->state().TriesLeft("jpki.auth"), 2);
  EXPECT_EQ(card->card->state().TriesLeft("jpki.auth"), 3);
  ASSERT_TRUE(patient_.Cancel().ok());
  EXPECT_EQ(staff_.AwaitStage(STAGE_DONE).verdict().failure().code(), FAILURE_CODE_CANCELLED);
}

TEST_F(CounterTest, ACardLaidBetweenTwoChecksIsTheNextPatients) {
  ASSERT_TRUE(staff_.Begin("question").ok());
  patient_.AwaitStage(STAGE_ASK);
  ASSERT_TRUE(staff_.Cancel().ok());
  staff_.AwaitStage(STAGE_DONE);
  ASSERT_TRUE(staff_.Close().ok());
  fake_.readers.Lay("a");
  ASSERT_TRUE(staff_.Begin("pin").ok());
  EXPECT_TRUE(patient_.Await([](const View& view) { return view.has_tries_left(); }).tries_left());
}

TEST_F(CounterTest, SeveralScreensSeeOneCheckAndOneOfThemReplies) {
  Looker second(counter_, ROLE_STAFF);
  ASSERT_TRUE(staff_.Begin("visual").ok());
  const View mine = staff_.AwaitStage(STAGE_ASK_VISUAL_MATCH);
  const View theirs = second.AwaitStage(STAGE_ASK_VISUAL_MATCH);
  EXPECT_EQ(mine.question(), theirs.question());
  Reply no;
  no.mutable_visual_match()->set_matches(false);
  EXPECT_TRUE(second.Send(no, theirs).ok());
  EXPECT_EQ(CodeOf(staff_.Send(no, mine)), FAILURE_CODE_REPLY_STALE);
  EXPECT_EQ(staff_.AwaitStage(STAGE_DONE).verdict().failure().code(), FAILURE_CODE_VISUAL_MISMATCH);
}

TEST_F(CounterTest, RevisionsGrowWithEveryChange) {
  uint64_t last = staff_.View().revision();
  const auto grows = [&] {
    const uint64_t now = staff_.View().revision();
    const bool grew = now > last;
    last = now;
    return grew;
  };
  fake_.readers.Lay("a");
  EXPECT_TRUE(grows());
  ASSERT_TRUE(staff_.Begin("visual").ok());
  EXPECT_TRUE(grows());
  // The card has been read ahead: nothing moves any more.
  staff_.Await([](const View& view) {
    return view.stage() == STAGE_ASK_VISUAL_MATCH && !view.reader().empty();
  });
  EXPECT_TRUE(grows());
  EXPECT_EQ(staff_.View().revision(), patient_.View().revision());
}

TEST_F(CounterTest, StopEndsACheckThatHangsInASilentCard) {
  fake_.world.limits.apdu = 60s;
  fake_.readers.Lay("a")->silent_from = 1;
  ASSERT_TRUE(staff_.Begin("pin").ok());
  const auto before = std::chrono::steady_clock::now();
  counter_.Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
  EXPECT_EQ(CodeOf(staff_.Begin("pin")), FAILURE_CODE_HOST_STOPPING);
  const auto record = counter_.last_record();
  EXPECT_EQ(record.entry(record.entry_size() - 1).verdict().failure().code(),
            FAILURE_CODE_CANCELLED);
  counter_.Stop();  // twice is once
}

TEST_F(CounterTest, ReadersThatChatterPutOffNoLimit) {
  fake_.world.limits.card = 50ms;
  ASSERT_TRUE(staff_.Begin("visual").ok());
  const View view = staff_.AwaitStage(STAGE_ASK_VISUAL_MATCH);
  std::jthread chatter([&](std::stop_token stop) {
    while (!stop.stop_requested()) fake_.readers.Plug("b");
  });
  Reply yes;
  yes.mutable_visual_match()->set_matches(true);
  ASSERT_TRUE(staff_.Send(yes, view).ok());
  EXPECT_EQ(staff_.AwaitStage(STAGE_DONE).verdict().failure().code(), FAILURE_CODE_NO_CARD);
}

}  // namespace
}  // namespace madoguchi
