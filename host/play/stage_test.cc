#include "host/play/stage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "host/check/fake_desk.h"
#include "host/play/script.h"
#include "sdk/failure/failure.h"

namespace madoguchi::play {
namespace {

using namespace check::v1;  // NOLINT: codes and roles.
using namespace desk::v1;   // NOLINT: stages.
using testing::HasSubstr;

// A counter on a stage, and the people at its screens.
struct Theatre {
  madoguchi::ReaderTable table;
  fake::Signer signer;
  play::Stage stage;
  std::unique_ptr<Counter> counter;
  std::set<desk::v1::Stage> stages;  // all that it came to
  std::shared_ptr<Listener> listener;

  explicit Theatre(const script::Script& script, double speed = 100)
      : stage(script, 1, speed, &table, &signer), counter(stage.MakeCounter()) {
    listener = std::make_shared<Listener>([this] {
      desk::v1::View view;
      counter->View(ROLE_STAFF, &view);
      stages.insert(view.stage());
    });
    counter->Tell(listener);
  }
  ~Theatre() {
    stage.Stop();
    counter->RequestStop();
    counter->Stop();
    listener->Stop();
    counter.reset();
  }

  // The people do at `view` what `act` has them do.
  void DoAt(const desk::v1::View& view, const script::Act& act, fake::Looker* looker) {
    const bool yes = act.people() != script::PEOPLE_SAY_NO;
    const auto people = act.people();
    Reply reply;
    if (people == script::PEOPLE_WAIT) return;
    if (people == script::PEOPLE_CANCEL && view.question() != 0) {
      looker->Cancel().IgnoreError();
      return;
    }
    if (view.stage() == STAGE_ASK_PIN && view.has_pin_prompt()) {
      EXPECT_TRUE(looker->Pin("5678", view).ok());
      return;
    }
    if (people == script::PEOPLE_SAY_NOTHING) return;
    for (const int allowed : view.allowed()) {
      switch (allowed) {
        case REPLY_KIND_LAST_TRY:
          reply.mutable_last_try()->set_go_on(yes);
          break;
        case REPLY_KIND_VISUAL_MATCH:
          reply.mutable_visual_match()->set_matches(yes);
          break;
        case REPLY_KIND_SAME_CARD:
          reply.mutable_same_card()->set_same(yes);
          break;
        case REPLY_KIND_WHICH_CARD:
          reply.mutable_which_card()->set_reader(view.card_at(0));
          break;
        case REPLY_KIND_ANSWER:
          reply.mutable_answer()->set_choice_id(view.ask().choices(0).id());
          for (const auto& field : view.ask().fields()) {
            (*reply.mutable_answer()->mutable_field())[field.id()] =
                std::string(field.shortest(), '1');
          }
          break;
        default:
          continue;
      }
      looker->Send(reply, view).IgnoreError();
    }
  }

  Verdict Play(const script::Act& act) {
    fake::Looker staff(*counter, ROLE_STAFF), patient(*counter, ROLE_PATIENT);
    const auto begun = staff.Begin(act.method());
    EXPECT_TRUE(begun.ok()) << begun;
    uint64_t answered = 0;
    const auto done = staff.Await([&](const desk::v1::View& view) {
      if (view.question() != 0 && view.question() != answered) {
        answered = view.question();
        DoAt(view, act, &staff);
        DoAt(patient.View(), act, &patient);
      }
      return view.stage() == STAGE_DONE;
    });
    EXPECT_EQ(done.stage(), STAGE_DONE);
    EXPECT_TRUE(staff.Close().ok());
    staff.Await([](const desk::v1::View& view) { return view.card() == CARD_PLACE_NONE; });
    return done.verdict();
  }
};

script::Script Ready(const std::string& name) {
  const auto script = ReadScript(name);
  EXPECT_TRUE(script.ok()) << script.status();
  return script.ok() ? *script : script::Script();
}

// ---- the ready scripts ----

// What no check of a desk can end with, and why there is no script for it.
const std::set<FailureCode> kNoEnding = {
    // Only a screen that seals wrongly gets them, and it is asked again. Of a PIN pad only one
    // whose
    // limits are not those that it was given.
    FAILURE_CODE_PIN_FORM,
    FAILURE_CODE_PIN_SEAL_INVALID,
    // Of the plugins' own commands.
    FAILURE_CODE_PLUGIN_UNKNOWN,
    FAILURE_CODE_PLUGIN_CHANGED,
    FAILURE_CODE_PLUGIN_NOT_APPROVED,
    FAILURE_CODE_PLUGIN_BROKEN,
    FAILURE_CODE_PLUGINS_NOT_SAVED,
    // Of the desk, which end no check.
    FAILURE_CODE_COUNTER_BUSY,
    FAILURE_CODE_COUNTER_UNKNOWN,
    FAILURE_CODE_METHOD_UNKNOWN,
    FAILURE_CODE_REPLY_STALE,
    FAILURE_CODE_ROLE_FORBIDDEN,
    FAILURE_CODE_DEVICE_UNKNOWN,
    FAILURE_CODE_REQUEST_INVALID,
    FAILURE_CODE_HOST_STOPPING,
    FAILURE_CODE_DEVICES_NOT_SAVED,
    // Of a table of readers that all work, and of an examination of the machine.
    FAILURE_CODE_READERS_TOO_MANY,
    FAILURE_CODE_READER_SERVICE_ABSENT,
    FAILURE_CODE_READER_WITHOUT_DRIVER,
    FAILURE_CODE_PLUGIN_CONFINED,
    FAILURE_CODE_PLUGIN_DOWN,
    FAILURE_CODE_CLOCK_WRONG,
    // Of a screen.
    FAILURE_CODE_HOST_UNREACHABLE,
    FAILURE_CODE_HOST_FOREIGN,
    FAILURE_CODE_DEVICE_FILE_INVALID,
};

TEST(ReadyScripts, EachEndsAsItSaysAndTogetherTheyShowEverything) {
  std::set<desk::v1::Stage> stages;
  std::set<Step::KindCase> steps;
  std::set<Evidence::KindCase> evidence;
  std::set<FailureCode> codes;
  for (const ReadyScript& ready : ReadyScripts()) {
    SCOPED_TRACE(ready.name);
    const script::Script script = Ready(ready.name);
    Theatre theatre(script);
    for (const script::Act& act : script.act()) {
      EXPECT_FALSE(act.shows().empty());
      const Verdict verdict = theatre.Play(act);
      EXPECT_EQ(verdict.failure().code(), act.ends())
          << FailureCode_Name(verdict.failure().code()) << " " << verdict.failure().detail();
      EXPECT_EQ(verdict.outcome() == OUTCOME_ELIGIBLE, act.ends() == 0);
      codes.insert(verdict.failure().code());
      const Record record = theatre.counter->last_record();
      for (const Entry& entry : record.entry()) {
        if (entry.has_step()) steps.insert(entry.step().kind_case());
        if (entry.has_evidence()) evidence.insert(entry.evidence().kind_case());
      }
    }
    stages.insert(theatre.stages.begin(), theatre.stages.end());
  }
  for (int stage = STAGE_IDLE; stage <= desk::v1::Stage_MAX; ++stage) {
    EXPECT_EQ(stages.count(static_cast<desk::v1::Stage>(stage)), 1u) << stage;
  }
  for (int n = 0; n < Step::descriptor()->field_count(); ++n) {
    const auto* field = Step::descriptor()->field(n);
    EXPECT_EQ(steps.count(static_cast<Step::KindCase>(field->number())), 1u) << field->name();
  }
  for (int n = 0; n < Evidence::descriptor()->field_count(); ++n) {
    const auto* field = Evidence::descriptor()->field(n);
    if (field->containing_oneof() == nullptr) continue;
    EXPECT_EQ(evidence.count(static_cast<Evidence::KindCase>(field->number())), 1u)
        << field->name();
  }
  for (int n = 0; n < FailureCode_descriptor()->value_count(); ++n) {
    const auto code = static_cast<FailureCode>(FailureCode_descriptor()->value(n)->number());
    EXPECT_NE(codes.count(code), kNoEnding.count(code)) << FailureCode_Name(code);
  }
}

TEST(StageTest, PlaysItsActsInTurnAndThenFromTheFirst) {
  script::Script script;
  for (const char* name : {"not-valid", "no-reader", "reader-service-down", "eligible-pin"}) {
    ASSERT_TRUE(Append(Ready(name), &script).ok());
  }
  Theatre theatre(script);
  for (int round = 0; round < 2; ++round) {
    for (const script::Act& act : script.act()) {
      EXPECT_EQ(theatre.Play(act).failure().code(), act.ends()) << act.shows();
    }
  }
}

TEST(StageTest, SeveralCountersPlayEachByItself) {
  script::Script script = Ready("not-valid");
  ASSERT_TRUE(Append(Ready("eligible-pin"), &script).ok());
  madoguchi::ReaderTable table;
  fake::Signer signer;
  play::Stage one(script, 1, 100, &table, &signer), two(script, 2, 100, &table, &signer);
  EXPECT_NE(one.name(), two.name());
  auto first = one.MakeCounter(), second = two.MakeCounter();
  for (Counter* counter : {first.get(), second.get()}) {
    fake::Looker staff(*counter, ROLE_STAFF), patient(*counter, ROLE_PATIENT);
    ASSERT_TRUE(staff.Begin("pin").ok());
    ASSERT_TRUE(patient.Pin("5678", patient.AwaitStage(STAGE_ASK_PIN)).ok());
    // The first act, whatever the other counter has played.
    EXPECT_EQ(staff.AwaitStage(STAGE_DONE).verdict().failure().code(), FAILURE_CODE_NOT_VALID);
  }
  one.Stop();
  two.Stop();
}

TEST(StageTest, SaysThatNothingIsReal) {
  Theatre theatre(Ready("eligible-pin"));
  fake::Looker staff(*theatre.counter, ROLE_STAFF);
  EXPECT_THAT(staff.View().counter(), HasSubstr("nothing-is-real"));
  EXPECT_THAT(theatre.Play(Ready("eligible-pin").act(0)).eligibility().insurer_name(),
              HasSubstr("架空"));
}

TEST(StageTest, IsStoppedInTheMiddleOfACheck) {
  Theatre theatre(Ready("eligible-slow"), 1);
  fake::Looker staff(*theatre.counter, ROLE_STAFF);
  ASSERT_TRUE(staff.Begin("pin").ok());
  staff.AwaitStage(STAGE_ASK_PIN);
}

// ---- what is wrong with a script ----

std::string ErrorOf(const std::string& text) {
  const auto script = ParseScript(text, "my.textproto");
  return script.ok() ? "none" : std::string(script.status().message());
}

TEST(ScriptTest, ErrorsNameThePlaceAndWhatWasExpected) {
  EXPECT_THAT(ErrorOf("act { shows: 7 }"), HasSubstr("my.textproto:1:14: "));
  EXPECT_THAT(ErrorOf(""), HasSubstr("my.textproto: no act"));
  EXPECT_THAT(ErrorOf("act {\n  method: 'fingerprint'\n}"),
              HasSubstr("my.textproto:2:3: method \"fingerprint\"; expected pin, visual"));
  EXPECT_THAT(ErrorOf("act {\n method: 'pin'\n cue { lay {} } }"),
              HasSubstr("my.textproto:3:2: a cue without `at`"));
  EXPECT_THAT(ErrorOf("act {\n method: 'pin'\n cue { at: STAGE_DONE } }"),
              HasSubstr("my.textproto:3:2: a cue without a deed"));
  EXPECT_THAT(
      ErrorOf("act {\n method: 'pin'\n cue { at: STAGE_IDLE lay { fault: 'tries-left=9' } } }"),
      HasSubstr("my.textproto:3:29: fault tries-left: expected a number from 0 to 3"));
  EXPECT_THAT(ErrorOf("act { method: 'pin' cue { at: STAGE_IDLE lay { breaks { apdu: 1 } } } }"),
              HasSubstr("my.textproto:1:48: expected an `apdu` from 1 and a `code`"));
  EXPECT_THAT(ErrorOf("act { method: 'pin' limits { pin_held_ms: 60001 } }"),
              HasSubstr("my.textproto:1:30: no PIN is held longer"));
  EXPECT_THAT(ErrorOf("method { id: 'a' }\nact { method: 'a' }"),
              HasSubstr("my.textproto:1:1: a method without steps"));
  EXPECT_THAT(ErrorOf("method { id: 'a' endless: true fails: FAILURE_CODE_POLICY_FAILED }"
                      "act { method: 'a' }"),
              HasSubstr("my.textproto:1:18: without a step"));
  EXPECT_THAT(ErrorOf("method { id: 'A' }"), HasSubstr("no act"));
  EXPECT_THAT(ErrorOf("act { method: 'pin' } method { id: 'A' }"), HasSubstr("expected an id"));
  EXPECT_THAT(ErrorOf("act { method: 'pin' } counters: 17"), HasSubstr("at most 16"));
}

TEST(ScriptTest, IsAFileOrAReadyOne) {
  EXPECT_THAT(std::string(ReadScript("no-such-script").status().message()), HasSubstr("--list"));
  EXPECT_EQ(Ready("all").act_size(), static_cast<int>(ReadyScripts().size()));
  EXPECT_GT(ReadyScripts().size(), 40u);
}

TEST(ScriptTest, TwoWithDifferentMethodsOfOneIdDoNotGoTogether) {
  auto one = Ready("pin-given-up"), other = one;
  EXPECT_TRUE(Append(other, &one).ok());
  EXPECT_EQ(one.act_size(), 2);
  other.mutable_method(0)->mutable_label()->set_en("another");
  EXPECT_FALSE(Append(other, &one).ok());
}

}  // namespace
}  // namespace madoguchi::play
