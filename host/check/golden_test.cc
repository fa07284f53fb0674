// Golden checks: each is a record in host/check/testdata. MADOGUCHI_WRITE_GOLDEN writes them anew.
#include <google/protobuf/text_format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "host/check/scenario.h"
#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

// `record` as it stands in a golden file: without what is new in each process, and without the
// catalogue's words.
std::string Golden(Record record) {
  for (auto& entry : *record.mutable_entry()) {
    entry.clear_at_us();
    if (entry.evidence().has_certificate_read()) {
      entry.mutable_evidence()->mutable_certificate_read()->set_certificate_sha256("the card's");
    }
    if (!entry.has_verdict()) continue;
    if (entry.verdict().has_failure()) {
      EXPECT_FALSE(entry.verdict().failure().happened().ja().empty());
      EXPECT_FALSE(entry.verdict().failure().advice().en().empty());
      entry.mutable_verdict()->mutable_failure()->clear_happened();
      entry.mutable_verdict()->mutable_failure()->clear_advice();
    }
  }
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseUtf8StringEscaping(true);
  std::string text;
  printer.PrintToString(record, &text);
  return text;
}

struct Case {
  const char* name;
  void (*arrange)(Scenario&);
  int verifies = 0;
};

authority::v1::AskReply ReplyOf(Validity validity) {
  authority::v1::AskReply reply;
  reply.set_validity(validity);
  return reply;
}

template <FailureCode code>
void FailAsk(Scenario& s) {
  s.LayLate();
  s.fake.authority.on_ask = [](const auto&) { return FailureStatus(code, "as the test says"); };
}

template <Validity validity>
void Answers(Scenario& s) {
  s.LayLate();
  s.fake.authority.validity = validity;
}

template <FailureCode code>
void FailChallenge(Scenario& s) {
  s.LayLate();
  s.fake.authority.on_challenge = [](auto) { return FailureStatus(code, "as the test says"); };
}

template <Stage stage>
void CancelAt(Scenario& s) {
  if (stage == STAGE_ASK_VISUAL_MATCH) s.flow = ByVisualMatch();
  if (stage == STAGE_ASK_SAME_CARD) s.Lay(MakeCard(), /*lying=*/true);
  if (stage == STAGE_ASK_LAST_TRY) s.LayLate(Paper::kGood, Tries(1));
  if (stage == STAGE_ASK) {
    s.flow =
        Script({"ask { text { ja: '文' en: 'Text' } role: ROLE_STAFF choices { id: 'yes' "
                "label { ja: 'はい' en: 'Yes' } } }"});
  }
  s.screens.when[stage] = [&s] { s.cancel.request_stop(); };
}

// Cancels during APDU number `n` of a check by PIN.
template <int n>
void CancelInApdu(Scenario& s) {
  s.Lay().instead = [&s](int number) -> std::optional<absl::StatusOr<std::vector<uint8_t>>> {
    if (number == n) s.cancel.request_stop();
    return {};
  };
}

const Case kCases[] = {
    {"pin_eligible", [](Scenario& s) { s.LayLate(); }, 1},
    {"pin_read_ahead", [](Scenario& s) { s.Lay(); }, 1},
    {"pin_card_before_pin", [](Scenario& s) { s.screens.when[STAGE_ASK_PIN] = [&s] { s.Lay(); }; },
     1},
    {"pin_without_short_ids", [](Scenario& s) { s.LayLate(Paper::kGood, NoShortIds()); }, 1},
    {"validity_2", Answers<VALIDITY_INVALID>, 1},
    {"validity_3", Answers<VALIDITY_INVALID_REPLACED>, 1},
    {"validity_4", Answers<VALIDITY_NONE>, 1},
    {"validity_5", Answers<VALIDITY_SEVERAL>, 1},
    {"validity_6", Answers<VALIDITY_VALID_UNREGISTERED>, 1},
    {"validity_of_no_table",
     [](Scenario& s) {
       s.LayLate();
       s.fake.authority.on_ask = [](const auto&) { return ReplyOf(static_cast<Validity>(9)); };
     },
     1},
    {"pin_wrong",
     [](Scenario& s) {
       s.LayLate();
       s.screens.pins = {"9999"};
     },
     1},
    {"pin_wrong_then_right",
     [](Scenario& s) {
       s.LayLate();
       s.screens.pins = {"9999", "1234"};
     },
     2},
    {"pin_wrong_until_the_last",
     [](Scenario& s) {
       s.LayLate();
       s.screens.pins = {"9999", "9999", "9999"};
       s.screens.last_try = {true};
     },
     3},
    {"pin_of_another_form",
     [](Scenario& s) {
       s.LayLate();
       s.screens.pins = {"123", "12345", "12a4", "1234"};
     },
     1},
    {"pin_not_typed", [](Scenario& s) { s.screens.pins = {}; }},
    {"pin_held_too_long",
     [](Scenario& s) {
       s.Lay();
       s.fake.world.limits.pin_held = 0ms;
     }},
    {"last_try_accepted",
     [](Scenario& s) {
       s.LayLate(Paper::kGood, Tries(1));
       s.screens.last_try = {true};
     },
     1},
    {"last_try_declined",
     [](Scenario& s) {
       s.LayLate(Paper::kGood, Tries(1));
       s.screens.last_try = {false};
     }},
    {"last_try_unanswered", [](Scenario& s) { s.LayLate(Paper::kGood, Tries(1)); }},
    {"pin_blocked", [](Scenario& s) { s.LayLate(Paper::kGood, Tries(0)); }},
    {"pin_blocked_seen_ahead", [](Scenario& s) { s.Lay(MakeCard(Paper::kGood, Tries(0))); }},
    {"visual_eligible",
     [](Scenario& s) {
       s.flow = ByVisualMatch();
       s.LayLate();
     }},
    {"visual_mismatch",
     [](Scenario& s) {
       s.flow = ByVisualMatch();
       s.screens.matches = {false};
     }},
    {"visual_unanswered",
     [](Scenario& s) {
       s.flow = ByVisualMatch();
       s.screens.matches = {};
     }},
    {"visual_not_allowed",
     [](Scenario& s) {
       s.flow = ByVisualMatch();
       s.fake.world.allowance.visual = false;
     }},
    {"no_reader", [](Scenario& s) { s.fake.readers.Unplug("a"); }},
    {"reader_unknown", [](Scenario& s) { s.subject.places = {"virtual/b"}; }},
    {"reader_service_down", [](Scenario& s) { s.fake.readers.ServiceDown(); }},
    {"reader_lost_while_waiting",
     [](Scenario& s) { s.screens.when[STAGE_LAY_CARD] = [&s] { s.fake.readers.Unplug("a"); }; }},
    {"no_card", [](Scenario&) {}},
    {"card_unpowered",
     [](Scenario& s) {
       s.screens.when[STAGE_LAY_CARD] = [&s] {
         s.fake.readers.Lay("a", MakeCard(), false, reader::v1::PRESENCE_UNPOWERED);
       };
     }},
    {"card_left_lying", [](Scenario& s) { s.Lay(MakeCard(), /*lying=*/true); }},
    {"card_of_before",
     [](Scenario& s) {
       s.Lay();
       s.subject.after_arrival = s.fake.table.arrivals();
     }},
    {"same_card",
     [](Scenario& s) {
       s.Lay(MakeCard(), /*lying=*/true);
       s.screens.same_card = {true};
     },
     1},
    {"another_card_instead",
     [](Scenario& s) {
       s.Lay(fake::MakeForeignCard(), /*lying=*/true);
       s.screens.same_card = {false};
       s.screens.when[STAGE_LAY_CARD] = [&s] {
         s.fake.readers.Take("a");
         s.Lay();
       };
     },
     1},
    {"not_my_number_card",
     [](Scenario& s) {
       s.screens.when[STAGE_LAY_CARD] = [&s] { s.Lay(fake::MakeForeignCard()); };
     }},
    {"certificate_absent", [](Scenario& s) { s.LayLate(Paper::kAbsent); }},
    {"certificate_expired", [](Scenario& s) { s.LayLate(Paper::kExpired); }},
    {"certificate_not_yet_valid", [](Scenario& s) { s.LayLate(Paper::kNotYetValid); }},
    {"certificate_unknown_issuer", [](Scenario& s) { s.LayLate(Paper::kUnknownIssuer); }},
    {"certificate_expired_seen_ahead", [](Scenario& s) { s.Lay(MakeCard(Paper::kExpired)); }},
    {"signature_wrong", [](Scenario& s) { s.LayLate(Paper::kGood, Flipped()); }, 1},
    {"card_silent",
     [](Scenario& s) { s.screens.when[STAGE_LAY_CARD] = [&s] { s.Lay().silent_from = 3; }; }},
    {"card_garbage",
     [](Scenario& s) {
       s.screens.when[STAGE_LAY_CARD] = [&s] {
         s.Lay().instead = [](int n) -> std::optional<absl::StatusOr<std::vector<uint8_t>>> {
           if (n < 2) return {};
           return std::vector<uint8_t>{0xDE, 0xAD, 0xBE, 0xEF};
         };
       };
     }},
    {"challenge_unreachable", FailChallenge<FAILURE_CODE_AUTHORITY_UNREACHABLE>},
    {"challenge_not_enrolled", FailChallenge<FAILURE_CODE_NOT_ENROLLED>},
    {"challenge_for_another_authority",
     [](Scenario& s) {
       s.LayLate();
       s.fake.authority.on_challenge = [](authority::v1::ChallengeReply reply) {
         reply.set_authority_id("another.example");
         return reply;
       };
     }},
    {"challenge_for_another_host",
     [](Scenario& s) {
       s.LayLate();
       s.fake.authority.on_challenge = [](authority::v1::ChallengeReply reply) {
         reply.set_host_id("another.example");
         return reply;
       };
     }},
    {"challenge_too_short",
     [](Scenario& s) {
       s.LayLate();
       s.fake.authority.on_challenge = [](authority::v1::ChallengeReply reply) {
         reply.set_challenge("short");
         return reply;
       };
     }},
    {"authority_slow", FailAsk<FAILURE_CODE_AUTHORITY_SLOW>, 1},
    {"authority_not_entitled",
     [](Scenario& s) {
       FailAsk<FAILURE_CODE_METHOD_NOT_ENTITLED>(s);
       s.flow = ByVisualMatch();
     }},
    {"authority_challenge_spent", FailAsk<FAILURE_CODE_CHALLENGE_SPENT>, 1},
    {"authority_of_another_error",
     [](Scenario& s) {
       s.LayLate();
       s.fake.authority.on_ask = [](const auto&) { return absl::InternalError("a stray error"); };
     },
     1},
    {"policy_dies",
     [](Scenario& s) {
       s.flow = [](const auto&) -> absl::StatusOr<policy::v1::NextReply> {
         return FailureStatus(FAILURE_CODE_POLICY_FAILED, "it is not running");
       };
     }},
    {"policy_dies_after_the_answer",
     [](Scenario& s) {
       s.LayLate();
       s.flow = [](const policy::v1::NextRequest& request) {
         if (request.evidence_size() < 4) return ByPin()(request);
         return absl::StatusOr<policy::v1::NextReply>(
             FailureStatus(FAILURE_CODE_POLICY_FAILED, "it is not running"));
       };
     },
     1},
    {"policy_says_nothing",
     [](Scenario& s) { s.flow = [](const auto&) { return policy::v1::NextReply(); }; }},
    {"policy_oversteps", [](Scenario& s) { s.flow = Script({"ask_authority {}"}); }},
    {"policy_asks_again_with_a_spent_proof",
     [](Scenario& s) {
       FailAsk<FAILURE_CODE_AUTHORITY_SLOW>(s);
       s.flow =
           Script({"ask_pin { form { shortest: 4 longest: 4 digits: true } }",
                   "read_certificate {}", "prove_card {}", "ask_authority {}", "ask_authority {}"});
       s.fake.world.allowance.visual = false;
     },
     1},
    {"question_of_the_policy",
     [](Scenario& s) {
       s.flow =
           Script({"ask { text { ja: '文' en: 'Text' } role: ROLE_PATIENT "
                   "choices { id: 'yes' label { ja: 'はい' en: 'Yes' } } "
                   "fields { id: 'kana' label { ja: 'カナ' en: 'Kana' } shortest: 1 longest: 4 } "
                   "fields { id: 'number' label { ja: '番号' en: 'Number' } digits: true "
                   "shortest: 2 longest: 2 } }"});
       Answer answer;
       answer.set_choice_id("no");
       s.screens.answers.push_back(answer);
       answer.set_choice_id("yes");
       s.screens.answers.push_back(answer);
       (*answer.mutable_field())["kana"] = "ハナコハナ";  // five characters
       (*answer.mutable_field())["number"] = "12";
       s.screens.answers.push_back(answer);
       (*answer.mutable_field())["kana"] = "ハナコ";
       (*answer.mutable_field())["number"] = "1a";
       s.screens.answers.push_back(answer);
       (*answer.mutable_field())["number"] = "12";
       s.screens.answers.push_back(answer);
     }},
    {"cancelled_before_it_began", [](Scenario& s) { s.cancel.request_stop(); }},
    {"cancelled_without_reader",
     [](Scenario& s) {
       s.fake.readers.Unplug("a");
       s.screens.when[STAGE_READING] = [&s] { s.cancel.request_stop(); };
     }},
    {"cancelled_at_pin", CancelAt<STAGE_ASK_PIN>},
    {"cancelled_at_last_try", CancelAt<STAGE_ASK_LAST_TRY>},
    {"cancelled_at_visual_match", CancelAt<STAGE_ASK_VISUAL_MATCH>},
    {"cancelled_at_same_card", CancelAt<STAGE_ASK_SAME_CARD>},
    {"cancelled_at_lay_card", CancelAt<STAGE_LAY_CARD>},
    {"cancelled_at_question", CancelAt<STAGE_ASK>},
    {"cancelled_in_apdu_1", CancelInApdu<1>},
    {"cancelled_in_apdu_5", CancelInApdu<5>},
    {"cancelled_in_the_signature", CancelInApdu<12>, 1},
    {"cancelled_in_the_challenge",
     [](Scenario& s) {
       s.LayLate();
       s.fake.authority.on_challenge = [&s](authority::v1::ChallengeReply reply) {
         s.cancel.request_stop();
         return reply;
       };
     }},
    {"cancelled_in_the_question_to_the_authority",
     [](Scenario& s) {
       s.LayLate();
       s.fake.authority.on_ask = [&s](const auto&) {
         s.cancel.request_stop();
         return ReplyOf(VALIDITY_VALID);
       };
     },
     1},
    {"cancelled_in_the_policy",
     [](Scenario& s) {
       s.flow = [&s](const policy::v1::NextRequest& request) {
         s.cancel.request_stop();
         return ByPin()(request);
       };
     }},
};

class GoldenTest : public testing::TestWithParam<Case> {};

TEST_P(GoldenTest, IsAsTheFileSays) {
  Scenario scenario;
  GetParam().arrange(scenario);
  scenario.Run();
  EXPECT_EQ(scenario.Verifies(), GetParam().verifies);
  const std::string actual = Golden(scenario.record);
  const std::string path = std::string(MADOGUCHI_TESTDATA) + "/" + GetParam().name + ".textproto";
  if (std::getenv("MADOGUCHI_WRITE_GOLDEN") != nullptr) std::ofstream(path) << actual;
  std::ifstream file(path);
  std::stringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(actual, expected.str()) << path;
}

INSTANTIATE_TEST_SUITE_P(Checks, GoldenTest, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

// A file that no case looks at would prove nothing.
TEST(GoldenFilesTest, EachHasItsCase) {
  for (const auto& entry : std::filesystem::directory_iterator(MADOGUCHI_TESTDATA)) {
    const std::string name = entry.path().stem().string();
    EXPECT_TRUE(std::any_of(std::begin(kCases), std::end(kCases), [&](const Case& one) {
      return name == one.name;
    })) << name;
  }
}

}  // namespace
}  // namespace madoguchi
