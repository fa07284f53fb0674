#include "sdk/recording/recording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdk/failure/failure.h"
#include "sdk/proof/test_pki.h"
#include "sdk/recording/recorded_card.h"

namespace madoguchi::recording {
namespace {

using check::v1::FAILURE_CODE_CARD_ANSWER_INVALID;
using check::v1::FAILURE_CODE_CARD_BUSY;
using check::v1::FAILURE_CODE_CARD_GONE;
using check::v1::FAILURE_CODE_UNSPECIFIED;
using testing::HasSubstr;

const std::string& Head() {
  static const auto* const head = [] {
    const test::Authority ca = test::MakeAuthority();
    const test::Key key = test::RsaKey();
    v1::Recording recording;
    recording.set_version(1);
    recording.set_key_pem(test::Pem(key));
    recording.set_certificate_pem(test::Pem(test::Issue(ca, key, test::ValidNow())));
    recording.set_trust_anchor_pem(test::Pem(ca.certificate));
    return new std::string(recording.DebugString());
  }();
  return *head;
}

constexpr char kCardComes[] =
    "event { sight { service: SERVICE_RUNNING presence: PRESENCE_ABSENT } }\n"
    "event { after_us: 500 sight { service: SERVICE_RUNNING presence: PRESENCE_PRESENT"
    " atr: \"3B 00\" } }\n";
constexpr char kCardGoes[] =
    "event { sight { service: SERVICE_RUNNING presence: PRESENCE_ABSENT } }\n";

std::string Plain(const std::string& command, const std::string& answer) {
  return "event { exchange { kind: KIND_PLAIN command: \"" + command + "\" " + answer + " } }\n";
}
std::string Pin(const std::string& status) {
  return "event { exchange { kind: KIND_VERIFY_PIN command: \"00200098\" status: \"" + status +
         "\" } }\n";
}
const std::string kSelect = Plain("00A4040C", "status: \"9000\"");
const std::string kRead =
    Plain("00B08A0000", "status: \"9000\" piece { certificate { from: 2 bytes: 3 } }");
const std::string kTries3 = Plain("00200098", "status: \"63C3\"");
const std::string kSign =
    "event { exchange { kind: KIND_SIGN command: \"802A008004\" status: \"9000\""
    " piece { signature { bytes: 256 } } took_us: 1500 } }\n";
const std::string kOpen = "event { open {} }\n", kClose = "event { close {} }\n";

// The card of a recording, lying there.
class Played {
 public:
  explicit Played(const std::string& events) : card_(*Parse(Head() + kCardComes + events, "test")) {
    card_.ShowSight();
    card_.ShowSight();
    card_.Open();
  }
  // The answer in hexadecimal, or what went wrong.
  std::string Say(const std::string& command) {
    const auto answer = card_.Transmit(*FromHex(command));
    if (!answer.ok()) return NameOf(CodeOf(answer.status()));
    return answer->failure != FAILURE_CODE_UNSPECIFIED ? NameOf(answer->failure)
                                                       : ToHex(answer->bytes);
  }
  RecordedCard& card() { return card_; }

 private:
  RecordedCard card_;
};

constexpr char kAnyPin[] = "002000980431323334";
constexpr char kSignIt[] = "802A008004 01020304 00";

TEST(RecordedCard, AnswersByWhereItComesFrom) {
  Played played(kOpen + kSelect + kRead +
                Plain("00B0000000", "status: \"6282\" piece { untold: 2 }"));
  EXPECT_EQ(played.Say("00A4040C"), "9000");
  const auto recording = Parse(Head() + kCardComes, "test");
  EXPECT_EQ(played.Say("00B08A0000"),
            ToHex(std::span(recording->certificate).subspan(2, 3)) + "9000");
  EXPECT_EQ(played.Say("00B0000000"), "00006282");
}

TEST(RecordedCard, SaysThatACommandWasNotRecorded) {
  Played played(kOpen + kSelect);
  const auto answer = played.card().Transmit(*FromHex("00CB3FFF1122334455"));
  EXPECT_EQ(CodeOf(answer.status()), FAILURE_CODE_CARD_ANSWER_INVALID);
  // Its header alone: the data might be anything.
  EXPECT_THAT(std::string(FailureOf(answer.status(), FAILURE_CODE_UNSPECIFIED).detail()),
              testing::AllOf(HasSubstr("00CB3FFF"), testing::Not(HasSubstr("1122"))));
  EXPECT_EQ(played.Say("00A4040C00"), "CARD_ANSWER_INVALID");
}

TEST(RecordedCard, TakesCommandsInAnotherOrderAndAgain) {
  Played played(kOpen + kSelect + kRead + kTries3);
  EXPECT_EQ(played.Say("00200098"), "63C3");
  EXPECT_EQ(played.Say("00A4040C"), "9000");
  EXPECT_EQ(played.Say("00A4040C"), "9000");
}

TEST(RecordedCard, AnswersOfVerifyComeOnceAndInOrder) {
  Played played(kOpen + kTries3 + Pin("63C2") + Pin("9000") + kSign);
  EXPECT_EQ(played.Say("00200098"), "63C3");
  EXPECT_EQ(played.Say(kAnyPin), "63C2");
  // As it was said; not the count from before.
  EXPECT_EQ(played.Say("00200098"), "63C2");
  EXPECT_EQ(played.Say(kSignIt), "CARD_ANSWER_INVALID");
  EXPECT_EQ(played.Say(kAnyPin), "9000");
  EXPECT_EQ(played.Say(kSignIt).size(), 2 * 258u);
  EXPECT_EQ(played.Say(kAnyPin), "CARD_ANSWER_INVALID");
}

TEST(RecordedCard, NoSignatureWithoutItsPin) {
  Played played(kOpen + kSelect + Pin("9000") + kSign + kClose);
  EXPECT_EQ(played.Say("00A4040C"), "9000");
  EXPECT_EQ(played.Say(kSignIt), "CARD_ANSWER_INVALID");
  EXPECT_EQ(played.Say(kAnyPin), "9000");
  played.card().Close();
  played.card().Open();
  EXPECT_EQ(played.Say(kSignIt), "CARD_ANSWER_INVALID");
  EXPECT_EQ(played.Say("00A4040C"), "9000");
}

TEST(RecordedCard, AnotherVerifyIsNotTheRecordedOne) {
  Played played(kOpen + Pin("9000"));
  EXPECT_EQ(played.Say("002000810431323334"), "CARD_ANSWER_INVALID");
  EXPECT_EQ(played.Say("0020009800"), "9000");  // Typed at the reader's pad.
}

TEST(RecordedCard, SignsWithItsOwnKey) {
  Played played(kOpen + Pin("9000") + kSign);
  played.Say(kAnyPin);
  const auto answer = played.card().Transmit(*FromHex(kSignIt));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->took, std::chrono::microseconds(1500));
  const auto recording = Parse(Head() + kCardComes, "test");
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> opening(
      EVP_PKEY_CTX_new(recording->key.get(), nullptr), EVP_PKEY_CTX_free);
  std::vector<uint8_t> data(256);
  size_t size = data.size();
  ASSERT_EQ(EVP_PKEY_verify_recover_init(opening.get()), 1);
  ASSERT_EQ(EVP_PKEY_verify_recover(opening.get(), data.data(), &size, answer->bytes.data(), 256),
            1);
  data.resize(size);
  EXPECT_EQ(ToHex(data), "01020304");
}

TEST(RecordedCard, LongerDataThanAKeySignsAreRefused) {
  Played played(kOpen + Pin("9000") +
                "event { exchange { kind: KIND_SIGN command: \"802A0080FF\" status: \"9000\" } }");
  played.Say(kAnyPin);
  EXPECT_EQ(played.Say("802A0080FF" + std::string(510, '0')), "CARD_ANSWER_INVALID");
}

TEST(RecordedCard, TheCardGoesWhenAllWasPlayed) {
  Played played(kOpen + kSelect + kRead + kClose + kCardGoes);
  EXPECT_EQ(played.card().insertion(), 1u);
  played.Say("00A4040C");
  EXPECT_EQ(played.card().NextSight(), nullptr);
  played.Say("00B08A0000");
  EXPECT_EQ(played.card().NextSight(), nullptr) << "its session is open";
  played.card().Close();
  ASSERT_NE(played.card().NextSight(), nullptr);
  EXPECT_FALSE(played.card().over());
  played.card().ShowSight();
  EXPECT_TRUE(played.card().over());
  EXPECT_EQ(played.Say("00A4040C"), "CARD_ANSWER_INVALID");
}

TEST(RecordedCard, FailuresOfTheReaderComeAgain) {
  Played played("event { open { failure: FAILURE_CODE_CARD_BUSY } }" + kOpen +
                Plain("00A4040C", "failure: FAILURE_CODE_CARD_GONE") + kClose);
  EXPECT_EQ(played.card().Open(), FAILURE_CODE_UNSPECIFIED) << "busy was told before";
  EXPECT_EQ(played.Say("00A4040C"), "CARD_GONE");
}

TEST(Recording, FaultsAreNamedWithTheirLine) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {kOpen, "the first event is a sight"},
      {kCardComes + kSelect, "no session is open"},
      {kCardComes + kOpen + kOpen, "a session is open already"},
      {kCardComes + kClose, "no session is open"},
      {kCardComes + std::string("event {}"), "an event is"},
      {kCardComes + kOpen + Plain("00A404", "status: \"9000\""), "4 to 65544 bytes"},
      {kCardComes + kOpen + Plain("00A4040", "status: \"9000\""), "hexadecimal"},
      {kCardComes + kOpen + Plain("00A4040C", "status: \"900\""), "four hexadecimal digits"},
      {kCardComes + kOpen + Plain("00A4040C", "status: \"9000\" piece {}"), "a piece is empty"},
      {kCardComes + kOpen +
           Plain("00A4040C", "status: \"9000\" piece { certificate { from: 9999 bytes: 1 } }"),
       "the certificate is not that long"},
      {kCardComes + kOpen + Plain("00A4040C", "status: \"9000\" piece { untold: 70000 }"),
       "at most 65538"},
      {kCardComes + kOpen + Plain("00A4040C", "status: \"9000\" failure: FAILURE_CODE_CARD_GONE"),
       "a failure is no answer"},
      {kCardComes + kOpen +
           "event { exchange { kind: KIND_VERIFY_PIN command: \"002000980431323334\" } }",
       "CLA INS P1 P2 alone"},
      {"", "expected 1 to 4096 events"},
  };
  for (const auto& [events, why] : cases) {
    const auto parsed = Parse(Head() + events, "file");
    ASSERT_FALSE(parsed.ok()) << events;
    EXPECT_THAT(std::string(parsed.status().message()),
                testing::AllOf(HasSubstr("file"), HasSubstr(why)));
  }
  EXPECT_FALSE(Parse("version: 2", "file").ok());
  EXPECT_FALSE(Parse("version: 1", "file").ok());
}

}  // namespace
}  // namespace madoguchi::recording
