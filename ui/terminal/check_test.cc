// Checks at a scripted desk, from the command to the exit status.
#include <thread>

#include "sdk/failure/failure.h"
#include "ui/terminal/check_fixture.h"
#include "ui/terminal/follow.h"

namespace madoguchi::terminal {
namespace {

using desk::v1::Reply;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace check::v1;  // NOLINT: outcomes, roles and codes.

TEST_F(CheckTest, ByPinEndsWithTheVerdictAndCloses) {
  std::string typed;
  ScriptedDesk desk([&](const Reply& reply) {
    if (reply.has_begin()) {
      desk.AskPin();
    } else if (reply.has_pin()) {
      typed = desk.Open(reply);
      desk.Finish(OUTCOME_ELIGIBLE);
    }
    return absl::OkStatus();
  });
  pins_.Type("0456\n");
  EXPECT_EQ(Check(desk), 0);
  EXPECT_EQ(typed, "0456");
  EXPECT_THAT(out_.str(), HasSubstr("資格確認の結果  有効\n氏名            試験　花子\n"));
  EXPECT_THAT(out_.str(), HasSubstr("カードをお取りください"));
  EXPECT_THAT(out_.str(), Not(HasSubstr("0456")));
  EXPECT_THAT(desk.replies(), ElementsAre(Reply::kBegin, Reply::kPin, Reply::kClose));
}

TEST_F(CheckTest, WrongPinIsToldWithTheTriesThatAreLeftAndAskedAgain) {
  std::vector<std::string> typed;
  ScriptedDesk desk([&](const Reply& reply) {
    if (reply.has_begin()) {
      desk.AskPin();
    } else if (reply.has_pin()) {
      typed.push_back(desk.Open(reply));
      if (typed.size() == 1) {
        desk.AskPin(/*rejected=*/true, /*tries_left=*/2);
      } else {
        desk.Finish(OUTCOME_ELIGIBLE);
      }
    }
    return absl::OkStatus();
  });
  pins_.Type("1111\n0456");  // The last line has no end.
  pins_.End();
  EXPECT_EQ(Check(desk), 0);
  EXPECT_THAT(typed, ElementsAre("1111", "0456"));
  EXPECT_THAT(out_.str(), HasSubstr("暗証番号が違います。あと2回\n"));
}

TEST_F(CheckTest, NoSecondPinCancels) {
  ScriptedDesk desk([&](const Reply& reply) {
    if (reply.has_begin()) desk.AskPin();
    if (reply.has_pin()) desk.AskPin(/*rejected=*/true, /*tries_left=*/2);
    return absl::OkStatus();
  });
  pins_.Type("1111\n");
  pins_.End();
  line_.json = true;
  EXPECT_EQ(Check(desk), 2);
  EXPECT_EQ(Json().failure().code(), FAILURE_CODE_CANCELLED);
  EXPECT_THAT(desk.replies(),
              ElementsAre(Reply::kBegin, Reply::kPin, Reply::kCancel, Reply::kClose));
}

TEST_F(CheckTest, APinOfAnotherFormIsNeverSent) {
  std::vector<std::string> typed;
  ScriptedDesk desk([&](const Reply& reply) {
    if (reply.has_begin()) desk.AskPin();
    if (reply.has_pin()) {
      typed.push_back(desk.Open(reply));
      desk.Finish(OUTCOME_NOT_ELIGIBLE, FAILURE_CODE_NOT_VALID);
    }
    return absl::OkStatus();
  });
  pins_.Type("12\n\n12a4\n12345678901234567890123\n0456\n");
  EXPECT_EQ(Check(desk), 1);
  EXPECT_THAT(typed, ElementsAre("0456"));
  EXPECT_THAT(out_.str(), HasSubstr("暗証番号は半角の数字4桁です。残り回数は減っていません。"));
  EXPECT_THAT(out_.str(), HasSubstr("(NOT_VALID)"));
}

TEST_F(CheckTest, TheHostRefusingTheFormAsksAgain) {
  int pins = 0;
  ScriptedDesk desk([&](const Reply& reply) -> absl::Status {
    if (reply.has_begin()) desk.AskPin();
    if (reply.has_pin()) {
      if (++pins == 1) return FailureStatus(FAILURE_CODE_PIN_FORM);
      desk.Finish(OUTCOME_ELIGIBLE);
    }
    return absl::OkStatus();
  });
  pins_.Type("0456\n0457\n");
  EXPECT_EQ(Check(desk), 0);
  EXPECT_EQ(pins, 2);
  EXPECT_THAT(out_.str(), HasSubstr("(PIN_FORM)"));
}

TEST_F(CheckTest, VisualMatchIsAskedOfTheStaff) {
  for (const bool matches : {true, false}) {
    ScriptedDesk desk([&](const Reply& reply) {
      if (reply.has_begin()) {
        EXPECT_EQ(reply.begin().method(), "visual");
        desk.Ask(ROLE_STAFF, desk::v1::STAGE_ASK_VISUAL_MATCH, desk::v1::REPLY_KIND_VISUAL_MATCH);
      } else if (reply.has_visual_match()) {
        EXPECT_EQ(reply.role(), ROLE_STAFF);
        EXPECT_EQ(reply.visual_match().matches(), matches);
        matches ? desk.Finish(OUTCOME_ELIGIBLE)
                : desk.Finish(OUTCOME_CANNOT_TELL, FAILURE_CODE_VISUAL_MISMATCH);
      }
      return absl::OkStatus();
    });
    line_.method = "visual";
    answers_.Type(matches ? "perhaps\nY\n" : "n\n");
    EXPECT_EQ(Check(desk), matches ? 0 : 2);
  }
  EXPECT_THAT(out_.str(), HasSubstr("（y: 一致、n: 不一致） [y/n]: "));
  EXPECT_THAT(out_.str(), HasSubstr("y か n で答えてください。"));
}

TEST_F(CheckTest, LastTryAndSameCardAndQuestionsAreAnswered) {
  ScriptedDesk desk([&](const Reply& reply) {
    desk::v1::View view;
    switch (reply.kind_case()) {
      case Reply::kBegin:
        desk.Ask(ROLE_STAFF, desk::v1::STAGE_ASK_SAME_CARD, desk::v1::REPLY_KIND_SAME_CARD);
        break;
      case Reply::kSameCard:
        EXPECT_TRUE(reply.same_card().same());
        desk.Ask(ROLE_PATIENT, desk::v1::STAGE_ASK_LAST_TRY, desk::v1::REPLY_KIND_LAST_TRY);
        break;
      case Reply::kLastTry: {
        EXPECT_TRUE(reply.last_try().go_on());
        auto* const ask = view.mutable_ask();
        ask->mutable_text()->set_ja("照合番号は\x1b[2J?");
        for (const char* id : {"skip", "go"}) ask->add_choices()->set_id(id);
        auto* const field = ask->add_fields();
        field->set_id("digits");
        field->set_digits(true);
        field->set_shortest(3);
        field->set_longest(4);
        desk.Ask(ROLE_STAFF, desk::v1::STAGE_ASK, desk::v1::REPLY_KIND_ANSWER, view);
        break;
      }
      default:
        EXPECT_EQ(reply.answer().choice_id(), "go");
        EXPECT_EQ(reply.answer().field().at("digits"), "0123");
        desk.Finish(OUTCOME_ELIGIBLE);
    }
    return absl::OkStatus();
  });
  line_.same_card = true;
  answers_.Type("y\n3\n2\n12\nabc\n0123\n");
  EXPECT_EQ(Check(desk), 0);
  EXPECT_THAT(out_.str(), Not(HasSubstr("\x1b")));
}

// The patient's stream still shows the PIN's question while the staff's is two questions further.

TEST_F(CheckTest, AStreamThatLagsHasNothingAskedTwice) {
  ScriptedDesk desk([&](const Reply& reply) {
    const auto ask_staff_alone = [&](uint64_t question, desk::v1::Stage stage,
                                     desk::v1::ReplyKind kind) {
      desk::v1::View view;
      view.set_stage(stage);
      view.set_question(question);
      view.add_allowed(kind);
      desk.Put(ROLE_STAFF, view);
    };
    if (reply.has_begin()) desk.AskPin();
    if (reply.has_pin()) {
      ask_staff_alone(2, desk::v1::STAGE_ASK_SAME_CARD, desk::v1::REPLY_KIND_SAME_CARD);
    }
    if (reply.has_same_card()) {
      ask_staff_alone(3, desk::v1::STAGE_ASK_VISUAL_MATCH, desk::v1::REPLY_KIND_VISUAL_MATCH);
    }
    if (reply.has_visual_match()) desk.Finish(OUTCOME_ELIGIBLE);
    return absl::OkStatus();
  });
  pins_.Type("0456\n0457\n");
  answers_.Type("y\ny\n");
  EXPECT_EQ(Check(desk), 0);
  EXPECT_THAT(desk.replies(), ElementsAre(Reply::kBegin, Reply::kPin, Reply::kSameCard,
                                          Reply::kVisualMatch, Reply::kClose));
}

TEST_F(CheckTest, WhichCardIsChosenByNumber) {
  ScriptedDesk desk([&](const Reply& reply) {
    if (reply.has_begin()) {
      desk::v1::View view;
      for (const char* reader : {"play/one", "play/two\x1b[2J"}) view.add_card_at(reader);
      desk.Ask(ROLE_STAFF, desk::v1::STAGE_ASK_WHICH_CARD, desk::v1::REPLY_KIND_WHICH_CARD, view);
    } else if (reply.has_which_card()) {
      EXPECT_EQ(reply.which_card().reader(), "play/two\x1b[2J");
      desk.Finish(OUTCOME_ELIGIBLE);
    }
    return absl::OkStatus();
  });
  answers_.Type("0\n3\nplay/one\n2\n");
  EXPECT_EQ(Check(desk), 0);
  EXPECT_THAT(out_.str(), HasSubstr("  1) play/one\n  2) play/two\\u{001B}[2J\n番号で選んで"));
  EXPECT_THAT(out_.str(), HasSubstr("1 から 2 の番号を入力してください。"));
}

TEST_F(CheckTest, AnInterruptionWhileThePinIsTypedCancels) {
  ScriptedDesk desk([&](const Reply& reply) {
    if (reply.has_begin()) {
      desk.AskPin();
      Interrupt();
    }
    return absl::OkStatus();
  });
  pins_.Type("04");
  line_.json = true;
  EXPECT_EQ(Check(desk), 2);
  EXPECT_EQ(Json().failure().code(), FAILURE_CODE_CANCELLED);
  EXPECT_FALSE(Json().failure().happened().ja().empty());
  EXPECT_THAT(desk.replies(), ElementsAre(Reply::kBegin, Reply::kCancel, Reply::kClose));
}

TEST_F(CheckTest, AQuestionThatIsTakenBackNeedsNoAnswer) {
  ScriptedDesk desk([&](const Reply& reply) {
    if (reply.has_begin()) {
      desk.AskPin();
      desk.Finish(OUTCOME_CANNOT_TELL, FAILURE_CODE_PIN_NOT_TYPED);
    }
    return absl::OkStatus();
  });
  EXPECT_EQ(Check(desk), 2);
  EXPECT_THAT(out_.str(), HasSubstr("(PIN_NOT_TYPED)"));
}

// The host keeps the stream open and knows of nothing.

TEST_F(CheckTest, ABusyCounterIsAVerdictToo) {
  ScriptedDesk desk([&](const Reply&) { return FailureStatus(FAILURE_CODE_COUNTER_BUSY); });
  line_.json = true;
  EXPECT_EQ(Check(desk), 2);
  EXPECT_EQ(Json().outcome(), OUTCOME_CANNOT_TELL);
  EXPECT_EQ(Json().failure().code(), FAILURE_CODE_COUNTER_BUSY);
  EXPECT_THAT(desk.replies(), ElementsAre(Reply::kBegin));
}

TEST_F(CheckTest, OneOfSeveralCountersMustBeNamed) {
  ScriptedDesk desk([&](const Reply&) { return absl::OkStatus(); });
  desk.counters = {"trial", "other"};
  line_.json = true;
  EXPECT_EQ(Check(desk), 64);
  EXPECT_EQ(Json().failure().code(), FAILURE_CODE_COUNTER_UNKNOWN);
  EXPECT_EQ(err_.str(),
            "窓口が複数あります: trial, other。どの窓口かを --counter で指定してください。\n");
  EXPECT_TRUE(desk.replies().empty());
}

TEST_F(CheckTest, AnUnknownMethodIsToldWhichThereAre) {
  ScriptedDesk desk([&](const Reply&) { return FailureStatus(FAILURE_CODE_METHOD_UNKNOWN, "no"); });
  desk::v1::View idle;
  idle.set_stage(desk::v1::STAGE_IDLE);
  for (const char* id : {"pin", "visual"}) idle.add_method()->set_id(id);
  desk.Put(ROLE_STAFF, idle);
  line_.method = "nope";
  EXPECT_EQ(Check(desk), 2);
  EXPECT_THAT(err_.str(), HasSubstr("(METHOD_UNKNOWN)\n  nope is none of: pin, visual\n"));
}

TEST_F(CheckTest, APromptOfAForeignHostIsNotAnswered) {
  ScriptedDesk desk([&](const Reply& reply) {
    EXPECT_FALSE(reply.has_pin());
    if (reply.has_begin()) desk.AskPin(false, -1, "signed by somebody else");
    return absl::OkStatus();
  });
  pins_.Type("0456\n");
  const auto connection = screen::DeskConnection::Local(desk.socket_path());
  RemoteDesk remote(connection.get(), "", {ROLE_STAFF, ROLE_PATIENT}, &bell_);
  DescriptorKeyboard keyboard(answers_.reading(), pins_.reading());
  FollowSettings settings;
  settings.pinned_host_key = "a key that signed nothing";
  settings.patient_too = true;
  Follow follow(settings, &remote, &keyboard, &bell_, &interrupted_, &out_);
  EXPECT_EQ(follow.Check("pin").failure().code(), FAILURE_CODE_HOST_FOREIGN);
  EXPECT_THAT(out_.str(), Not(HasSubstr("PIN (4 digits)")));
  pins_.End();
  char left[8];
  EXPECT_EQ(read(pins_.reading(), left, sizeof(left)), 5) << "the PIN was not even read";
}

TEST_F(CheckTest, ThePatientsScreenTypesThePinAndEndsAfterOneCheck) {
  std::string typed;
  ScriptedDesk desk([&](const Reply& reply) {
    EXPECT_EQ(reply.role(), ROLE_PATIENT);
    typed = desk.Open(reply);
    desk.Idle();
    return absl::OkStatus();
  });
  desk.AskPin();
  pins_.Type("0456\n");
  const auto connection = screen::DeskConnection::Local(desk.socket_path());
  DescriptorKeyboard keyboard(answers_.reading(), pins_.reading());
  line_.once = true;
  EXPECT_EQ(RunPatient(line_, {Language::kEnglish, connection.get(), &keyboard, &bell_,
                               &interrupted_, out_, err_}),
            0);
  EXPECT_EQ(typed, "0456");
}

}  // namespace
}  // namespace madoguchi::terminal
