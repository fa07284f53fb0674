#include "host/check/verdict.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

using namespace check::v1;  // NOLINT: the codes.

Record Parsed(const std::string& text) {
  Record record;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &record)) << text;
  return record;
}

std::string Brought(const std::string& evidence) {
  return "entry { evidence { " + evidence + " } } ";
}
std::string Asked(const std::string& step) { return "entry { step { " + step + " } } "; }

const std::string kRead = Brought("certificate_read { certificate_sha256: 'a' }");
const std::string kReadOther = Brought("certificate_read { certificate_sha256: 'b' }");
const std::string kTyped = Brought("pin_sealed {}");
const std::string kProven = Brought("card_proven {}");
const std::string kMatch = Brought("visual_match {}");

Verdict Of(const std::string& record, bool visual = true) {
  return DeriveVerdict(Parsed(record), {.visual = visual});
}

struct Row {
  Validity validity;
  Outcome outcome;
  FailureCode code;
};
constexpr Row kTable[] = {
    {VALIDITY_VALID, OUTCOME_ELIGIBLE, FAILURE_CODE_UNSPECIFIED},
    {VALIDITY_INVALID, OUTCOME_NOT_ELIGIBLE, FAILURE_CODE_NOT_VALID},
    {VALIDITY_INVALID_REPLACED, OUTCOME_NOT_ELIGIBLE, FAILURE_CODE_REPLACED_BY_NEW},
    {VALIDITY_NONE, OUTCOME_NOT_ELIGIBLE, FAILURE_CODE_NO_QUALIFICATION},
    {VALIDITY_SEVERAL, OUTCOME_CANNOT_TELL, FAILURE_CODE_SEVERAL_QUALIFICATIONS},
    {VALIDITY_VALID_UNREGISTERED, OUTCOME_ELIGIBLE, FAILURE_CODE_UNSPECIFIED},
};

TEST(VerdictTest, EveryValidityHasItsRow) {
  for (const Row& row : kTable) {
    const std::string answer =
        Brought("answered { validity: " + Validity_Name(row.validity) + " }");
    for (const std::string& by : {kRead + kProven, kMatch + kRead}) {
      const Verdict verdict = Of(by + answer);
      EXPECT_EQ(verdict.outcome(), row.outcome) << Validity_Name(row.validity);
      EXPECT_EQ(verdict.failure().code(), row.code) << Validity_Name(row.validity);
      EXPECT_EQ(verdict.validity(), row.validity);
      EXPECT_EQ(verdict.has_failure(), row.outcome != OUTCOME_ELIGIBLE);
      if (verdict.has_failure()) {
        EXPECT_FALSE(verdict.failure().advice().ja().empty());
      }
    }
  }
  // Every value of the enum has a row, and a value that it has not is no yes.
  EXPECT_EQ(std::size(kTable), static_cast<size_t>(Validity_MAX));
  const Verdict odd = Of(kRead + kProven + Brought("answered { validity: 7 }"));
  EXPECT_EQ(odd.outcome(), OUTCOME_CANNOT_TELL);
  EXPECT_EQ(odd.failure().code(), FAILURE_CODE_AUTHORITY_ANSWER_INVALID);
}

TEST(VerdictTest, EveryFailureIsCannotTellWithItsCode) {
  const auto* const codes = FailureCode_descriptor();
  for (int i = 0; i < codes->value_count(); ++i) {
    const auto code = static_cast<FailureCode>(codes->value(i)->number());
    if (code == FAILURE_CODE_UNSPECIFIED) continue;
    // Whatever was proven or answered before it.
    const Verdict verdict =
        Of(kRead + kProven + Brought("answered { validity: VALIDITY_VALID }") +
           Brought("failed { code: " + FailureCode_Name(code) + " detail: 'why' }"));
    EXPECT_EQ(verdict.outcome(), OUTCOME_CANNOT_TELL) << FailureCode_Name(code);
    EXPECT_EQ(verdict.failure().code(), code);
    EXPECT_EQ(verdict.failure().detail(), "why");
    EXPECT_FALSE(verdict.failure().happened().en().empty()) << FailureCode_Name(code);
    EXPECT_FALSE(verdict.has_eligibility());
  }
}

TEST(VerdictTest, OtherEndsHaveTheirCode) {
  EXPECT_EQ(Of("").failure().code(), FAILURE_CODE_POLICY_OVERSTEPPED);
  EXPECT_EQ(Of(kTyped).failure().code(), FAILURE_CODE_POLICY_OVERSTEPPED);
  EXPECT_EQ(Of(kTyped + Brought("pin_rejected { tries_left: 2 }")).failure().code(),
            FAILURE_CODE_PIN_WRONG);
  EXPECT_EQ(Of(kTyped + Brought("last_try {}")).failure().code(),
            FAILURE_CODE_PIN_LAST_TRY_DECLINED);
  EXPECT_EQ(Of(kTyped + Brought("pin_blocked {}")).failure().code(), FAILURE_CODE_PIN_BLOCKED);
  EXPECT_EQ(Of(kRead + kProven).failure().code(), FAILURE_CODE_POLICY_OVERSTEPPED);
}

TEST(VerdictTest, NobodyIsEligibleUnproven) {
  const std::string answer = Brought("answered { validity: VALIDITY_VALID }");
  EXPECT_EQ(Of(answer).outcome(), OUTCOME_CANNOT_TELL);
  EXPECT_EQ(Of(kRead + answer).outcome(), OUTCOME_CANNOT_TELL);
  EXPECT_EQ(Of(kRead + kTyped + answer).outcome(), OUTCOME_CANNOT_TELL);
  EXPECT_EQ(Of(kMatch + kRead + answer, /*visual=*/false).outcome(), OUTCOME_CANNOT_TELL);
  // Proven was the card before this one.
  EXPECT_EQ(Of(kRead + kProven + kReadOther + answer).outcome(), OUTCOME_CANNOT_TELL);
  // The staff looked at one card, not at every card that came later.
  EXPECT_EQ(Of(kMatch + kRead + kReadOther + answer).outcome(), OUTCOME_CANNOT_TELL);
  EXPECT_EQ(Of(kMatch + kRead + kRead + answer).outcome(), OUTCOME_ELIGIBLE);
}

struct Guard {
  const char* what;
  std::string record;
  std::string step;
  bool allowed;
  bool visual = true;
};

// `count` choices or fields, each in order.
std::string Several(const std::string& what, int count) {
  std::string several;
  for (int i = 0; i < count; ++i) {
    several += what + " { id: 'a" + std::to_string(i) + "' label { ja: 'あ' en: 'A' } " +
               (what == "fields" ? "longest: 1 } " : "} ");
  }
  return several;
}

TEST(GuardTest, EveryForbiddenStep) {
  const std::string pin = "ask_pin { form { shortest: 4 longest: 4 digits: true } }";
  const std::string label = "label { ja: 'はい' en: 'Yes' }";
  const std::string choice = "choices { id: 'yes' " + label + " }";
  const std::string field = "fields { id: 'a' longest: 1 " + label + " }";
  const std::string page(1024, 'a');
  const std::string text = "text { ja: '文' en: 'Text' } role: ROLE_STAFF ";
  const Guard guards[] = {
      {"a PIN", "", pin, true},
      {"a PIN of no length", "", "ask_pin { form { shortest: 0 longest: 4 } }", false},
      {"a PIN that ends before it begins", "", "ask_pin { form { shortest: 5 longest: 4 } }",
       false},
      {"a PIN longer than a packet", "", "ask_pin { form { shortest: 4 longest: 17 } }", false},
      {"a PIN without a form", "", "ask_pin {}", false},
      {"the first read", "", "read_certificate {}", true},
      {"proof before a card", kTyped, "prove_card {}", false},
      {"proof without a PIN", kRead, "prove_card {}", false},
      {"proof", kTyped + kRead, "prove_card {}", true},
      {"proof of a pad's PIN", Brought("pin_at_pad {}") + kRead, "prove_card {}", true},
      {"proof with a PIN that was refused",
       kTyped + kRead + Brought("pin_rejected { tries_left: 2 }"), "prove_card {}", false},
      {"proof with the next PIN",
       kTyped + kRead + Brought("pin_rejected { tries_left: 2 }") + kTyped, "prove_card {}", true},
      {"proof twice", kTyped + kRead + kProven, "prove_card {}", false},
      {"proof after the end", kTyped + kRead + Brought("pin_blocked {}"), "prove_card {}", false},
      {"the last try unasked", kTyped + kRead + Brought("last_try {}"), "prove_card {}", false},
      {"the last try with a PIN typed anew", kTyped + kRead + Brought("last_try {}") + kTyped,
       "prove_card {}", false},
      {"the last try", kTyped + kRead + Brought("last_try {}") + Brought("last_try_accepted {}"),
       "prove_card {}", true},
      {"a last try that is none", kTyped + kRead, "ask_last_try {}", false},
      {"a last try of nothing", "", "ask_last_try {}", false},
      {"asking for the last try", kTyped + kRead + Brought("last_try {}"), "ask_last_try {}", true},
      {"the staff's eyes", "", "ask_visual_match {}", true},
      {"the staff's eyes where not allowed", "", "ask_visual_match {}", false, false},
      {"asking about nobody", "", "ask_authority {}", false},
      {"asking without a proof", kTyped + kRead, "ask_authority {}", false},
      {"asking", kTyped + kRead + kProven, "ask_authority {}", true},
      {"asking by the staff's eyes", kMatch + kRead, "ask_authority {}", true},
      {"asking by eyes that may not", kMatch + kRead, "ask_authority {}", false, false},
      {"asking with another card", kTyped + kRead + kProven + kReadOther, "ask_authority {}",
       false},
      {"asking with another card than was seen", kMatch + kRead + kReadOther, "ask_authority {}",
       false},
      {"asking twice with one proof",
       kTyped + kRead + kProven + Asked("ask_authority {}") +
           Brought("failed { code: FAILURE_CODE_AUTHORITY_SLOW }"),
       "ask_authority {}", false},
      {"asking again by the staff's eyes",
       kMatch + kRead + Asked("ask_authority {}") +
           Brought("failed { code: FAILURE_CODE_AUTHORITY_SLOW }"),
       "ask_authority {}", true},
      {"a question", "", "ask { " + text + choice + " }", true},
      {"a question without words", "", "ask { role: ROLE_STAFF " + choice + " }", false},
      {"a question in one language", "",
       "ask { text { ja: '文' } role: ROLE_STAFF " + choice + " }", false},
      {"a question without an answer", "", "ask { " + text + " }", false},
      {"a question of the admin", "",
       "ask { text { ja: '文' en: 'Text' } role: ROLE_ADMIN " + choice + " }", false},
      {"a question of nobody", "", "ask { text { ja: '文' en: 'Text' } " + choice + " }", false},
      {"a choice that is a sentence", "", "ask { " + text + "choices { id: 'A b' " + label + " } }",
       false},
      {"a choice without a name", "", "ask { " + text + "choices { " + label + " } }", false},
      {"a choice with a long name", "",
       "ask { " + text + "choices { id: '" + std::string(33, 'a') + "' " + label + " } }", false},
      {"two choices of one name", "", "ask { " + text + choice + choice + " }", false},
      {"a field of no length", "", "ask { " + text + choice + " fields { id: 'a' " + label + " } }",
       false},
      {"a field", "", "ask { " + text + choice + " fields { id: 'a' longest: 14 " + label + " } }",
       true},
      {"a field without a label", "",
       "ask { " + text + choice + " fields { id: 'a' longest: 14 } }", false},
      {"a choice without a label", "", "ask { " + text + "choices { id: 'a' } }", false},
      {"a choice with a label in one language", "",
       "ask { " + text + "choices { id: 'a' label { ja: 'はい' } } }", false},
      {"a page of words", "",
       "ask { text { ja: '" + page + "' en: 'Text' } role: ROLE_STAFF " + choice + " }", true},
      {"more than a page of words", "",
       "ask { text { ja: '" + page + "a' en: 'Text' } role: ROLE_STAFF " + choice + " }", false},
      {"more than a page of English", "",
       "ask { text { ja: '文' en: '" + page + "a' } role: ROLE_STAFF " + choice + " }", false},
      {"a choice of more than a page", "",
       "ask { " + text + "choices { id: 'a' label { ja: '" + page + "a' en: 'Yes' } } }", false},
      {"a field of more than a page", "",
       "ask { " + text + choice + " fields { id: 'a' longest: 1 label { ja: 'a' en: '" + page +
           "a' } } }",
       false},
      {"as many choices and fields as a screen holds", "",
       "ask { " + text + Several("choices", 16) + Several("fields", 16) + " }", true},
      {"a choice more", "", "ask { " + text + Several("choices", 17) + " }", false},
      {"a field more", "", "ask { " + text + choice + Several("fields", 17) + " }", false},
      {"an endless field", "",
       "ask { " + text + choice + " fields { id: 'a' longest: 65 " + label + " } }", false},
      {"two fields of one name", "", "ask { " + text + choice + field + field + " }", false},
      {"nothing at all", "", "", false},
  };
  for (const Guard& guard : guards) {
    Step step;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(guard.step, &step)) << guard.what;
    const auto why = WhyForbidden(Parsed(guard.record), step, {.visual = guard.visual});
    EXPECT_EQ(!why.has_value(), guard.allowed) << guard.what << ": " << why.value_or("allowed");
    if (why) {
      EXPECT_FALSE(why->empty());
    }
  }
}

constexpr char kMarker[] = "MARKER-7351";
constexpr uint32_t kMarkerNumber = 0x5EC12E7;

// Fills every field below `message` with something that can be found again.
void Fill(google::protobuf::Message* message) {
  const auto* const descriptor = message->GetDescriptor();
  const auto* const reflection = message->GetReflection();
  using Field = google::protobuf::FieldDescriptor;
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const Field* const field = descriptor->field(i);
    ASSERT_FALSE(field->is_repeated()) << field->full_name() << ": teach this test";
    if (field->real_containing_oneof() != nullptr) continue;
    switch (field->cpp_type()) {
      case Field::CPPTYPE_STRING:
        reflection->SetString(message, field, kMarker);
        break;
      case Field::CPPTYPE_MESSAGE:
        Fill(reflection->MutableMessage(message, field));
        break;
      case Field::CPPTYPE_UINT32:
        reflection->SetUInt32(message, field, kMarkerNumber);
        break;
      case Field::CPPTYPE_ENUM:
        reflection->SetEnumValue(message, field, 1);
        break;
      default:
        FAIL() << field->full_name() << ": teach this test its type";
    }
  }
}

TEST(ProjectTest, NoPersonalFieldGetsThrough) {
  const auto* const kinds = Evidence::descriptor()->oneof_decl(0);
  ASSERT_GE(kinds->field_count(), 12);
  for (int i = 0; i < kinds->field_count(); ++i) {
    Record record;
    record.set_check_id(kMarker);
    record.set_counter(kMarker);
    Evidence* const evidence = record.add_entry()->mutable_evidence();
    Fill(evidence->GetReflection()->MutableMessage(evidence, kinds->field(i)));
    const auto request = Project(record);
    ASSERT_EQ(request.evidence_size(), 1);
    auto seen = request.evidence(0);
    EXPECT_NE(seen.kind(), policy::v1::ProjectedEvidence::KIND_UNSPECIFIED)
        << kinds->field(i)->name();
    // The two values that are the policy's to know, each in its own kind of evidence only.
    if (evidence->has_chosen()) {
      EXPECT_EQ(seen.choice_id(), kMarker);
      seen.clear_choice_id();
    }
    if (evidence->has_pin_rejected()) {
      EXPECT_EQ(seen.tries_left(), kMarkerNumber);
      seen.clear_tries_left();
    }
    EXPECT_EQ(seen.SerializeAsString().find("MARKER"), std::string::npos) << seen.DebugString();
    EXPECT_EQ(seen.tries_left(), 0u) << seen.DebugString();
    EXPECT_TRUE(seen.GetReflection()->GetUnknownFields(seen).empty());
  }
}

TEST(ProjectTest, StepsAndVerdictsAreNotShown) {
  const auto request = Project(Parsed(Asked("read_certificate {}") + kRead +
                                      "entry { verdict { outcome: OUTCOME_ELIGIBLE } }"));
  ASSERT_EQ(request.evidence_size(), 1);
  EXPECT_EQ(request.evidence(0).kind(), policy::v1::ProjectedEvidence::KIND_CERTIFICATE_READ);
}

}  // namespace
}  // namespace madoguchi
