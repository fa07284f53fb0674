// Checks at a scripted desk, from the command to the exit status.
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <sstream>
#include <thread>

#include "sdk/failure/failure.h"
#include "ui/terminal/commands.h"
#include "ui/terminal/follow.h"
#include "ui/terminal/remote_desk.h"
#include "ui/terminal/scripted_desk.h"

namespace madoguchi::terminal {
namespace {

using desk::v1::Reply;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace check::v1;  // NOLINT: outcomes, roles and codes.

// A pipe with its writing end.
class Pipe {
 public:
  Pipe() {
    if (pipe(ends_) != 0) std::abort();
  }
  ~Pipe() {
    close(ends_[0]);
    End();
  }
  int reading() const { return ends_[0]; }
  void Type(const std::string& text) {
    ASSERT_EQ(write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void End() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  int ends_[2];
};

class CheckTest : public testing::Test {
 protected:
  int Check(ScriptedDesk& desk) {
    const auto connection = screen::DeskConnection::Local(desk.socket_path());
    return Check(connection.get());
  }
  int Check(screen::DeskConnection* connection) {
    DescriptorKeyboard keyboard(answers_.reading(), pins_.reading());
    const Session session = {Language::kJapanese, connection, &keyboard, &bell_,
                             &interrupted_,       out_,       err_};
    line_.command = Command::kCheck;
    if (line_.method.empty()) line_.method = "pin";
    return RunCheck(line_, session);
  }
  // False when what the staff see does not please within ten seconds.
  bool Await(RemoteDesk& remote, const std::function<bool(const Sight&)>& pleases) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!pleases(remote.Look(ROLE_STAFF))) {
      if (std::chrono::steady_clock::now() > limit) return false;
      bell_.Wait(std::chrono::milliseconds(100));
      bell_.Clear();
    }
    return true;
  }
  void Interrupt() {
    ++interrupted_;
    bell_.Ring();
  }
  Verdict Json() {
    Verdict verdict;
    const std::string text = out_.str();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
    EXPECT_EQ(text.back(), '\n');
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(text, &verdict).ok()) << text;
    return verdict;
  }

  CommandLine line_;
  Pipe pins_, answers_;
  Bell bell_;
  std::atomic<int> interrupted_ = 0;
  std::ostringstream out_, err_;
};

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

TEST_F(CheckTest, GoesOnAfterTheStreamBroke) {
  std::thread restart;
  ScriptedDesk desk([&](const Reply& reply) {
    if (reply.has_begin()) {
      desk.AskPin();
      restart = std::thread([&] {
        desk.Stop();
        desk.Start();
        pins_.Type("0456\n");
      });
    }
    if (reply.has_pin()) {
      EXPECT_EQ(desk.Open(reply), "0456");
      desk.Finish(OUTCOME_ELIGIBLE);
    }
    return absl::OkStatus();
  });
  // GetHost and Watch before the stop; the reply of Begin may be lost with it.
  const int status = Check(desk);
  restart.join();
  EXPECT_EQ(status, 0) << out_.str() << err_.str();
}

TEST_F(CheckTest, AConnectionThatIsSilentIsMadeAnew) {
  ScriptedDesk desk([&](const Reply&) { return absl::OkStatus(); });
  const auto connection = screen::DeskConnection::Local(desk.socket_path());
  RemoteDesk remote(connection.get(), "", {ROLE_STAFF}, &bell_, std::chrono::milliseconds(100));
  ASSERT_TRUE(Await(remote, [](const Sight& sight) { return sight.connections >= 1; }));
  desk.silent = true;
  EXPECT_TRUE(Await(remote, [](const Sight& sight) { return sight.connections >= 2; }));
  EXPECT_TRUE(remote.Look(ROLE_STAFF).lost.ok());
}

// The host keeps the stream open and knows of nothing.
TEST_F(CheckTest, AViewThatCannotBeReadBreaksTheStream) {
  ScriptedDesk desk([&](const Reply&) { return absl::OkStatus(); });
  const auto connection = screen::DeskConnection::Local(desk.socket_path());
  RemoteDesk remote(connection.get(), "", {ROLE_STAFF}, &bell_);
  ASSERT_TRUE(Await(remote, [](const Sight& sight) { return sight.connections == 1; }));
  desk::v1::View view;
  view.mutable_verdict()->mutable_failure()->set_detail("\xff");
  desk.Put(ROLE_STAFF, view);
  EXPECT_TRUE(Await(remote, [](const Sight& sight) { return sight.broken; }));
  desk.Idle();
  EXPECT_TRUE(Await(remote, [](const Sight& sight) { return sight.connections == 2; }));
}

TEST_F(CheckTest, ARefusedStreamSaysWhyAtOnce) {
  ScriptedDesk desk([&](const Reply&) { return absl::OkStatus(); });
  desk.refusal = FAILURE_CODE_ROLE_FORBIDDEN;
  const auto connection = screen::DeskConnection::Local(desk.socket_path());
  for (int i = 1; i <= 50; ++i) {  // as often as two threads may meet in another order
    RemoteDesk remote(connection.get(), "", {ROLE_STAFF}, &bell_);
    ASSERT_TRUE(Await(remote, [](const Sight& sight) { return !sight.lost.ok(); }));
    ASSERT_EQ(CodeOf(remote.Look(ROLE_STAFF).lost), FAILURE_CODE_ROLE_FORBIDDEN);
    ASSERT_EQ(desk.watches, i);
  }
}

TEST_F(CheckTest, AHostThatStaysAwayIsGivenUp) {
  ScriptedDesk desk([&](const Reply& reply) {
    if (reply.has_begin()) desk.PutStage(desk::v1::STAGE_LAY_CARD);
    return absl::OkStatus();
  });
  const auto connection = screen::DeskConnection::Local("/tmp/madoguchi_nowhere/desk.sock");
  line_.json = true;
  EXPECT_EQ(Check(connection.get()), 2);
  EXPECT_EQ(Json().failure().code(), FAILURE_CODE_HOST_UNREACHABLE);
  EXPECT_THAT(err_.str(), HasSubstr("/tmp/madoguchi_nowhere/desk.sock"));
}

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

TEST_F(CheckTest, WithoutThePatientsRoleThePinIsTypedElsewhere) {
  ScriptedDesk desk([&](const Reply& reply) {
    if (reply.has_begin()) {
      desk.AskPin();
      desk.Finish(OUTCOME_ELIGIBLE);
    }
    return absl::OkStatus();
  });
  desk.roles = {ROLE_STAFF};
  EXPECT_EQ(Check(desk), 0);
  EXPECT_THAT(desk.replies(), ElementsAre(Reply::kBegin, Reply::kClose));
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

TEST_F(CheckTest, CloseFreesACounterThatWasLeft) {
  ScriptedDesk desk([&](const Reply&) { return absl::OkStatus(); });
  desk.AskPin();
  const auto connection = screen::DeskConnection::Local(desk.socket_path());
  EXPECT_EQ(RunClose(line_, {Language::kEnglish, connection.get(), nullptr, &bell_, &interrupted_,
                             out_, err_}),
            0);
  EXPECT_THAT(desk.replies(), ElementsAre(Reply::kCancel, Reply::kClose));
}

}  // namespace
}  // namespace madoguchi::terminal
