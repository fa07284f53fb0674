#include "authority/eligibility/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdk/proof/certificate.h"
#include "sdk/proof/test_pki.h"

namespace madoguchi::authority {
namespace {

using testing::HasSubstr;

absl::StatusOr<std::vector<InsuredPerson>> Parse(const std::string& text,
                                                 const std::string& pem = "") {
  return ParseInsured(text, "/data/insured.textproto",
                      [&](const std::string& path) -> absl::StatusOr<std::string> {
                        if (path == "/data/cards/a.pem") return pem;
                        return absl::NotFoundError("cannot read " + path);
                      });
}

std::string Error(const std::string& text, const std::string& pem = "") {
  const auto persons = Parse(text, pem);
  EXPECT_EQ(persons.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(persons.status().message());
}

std::string Person(const std::string& rest) {
  return "person {\n  name { issuer: \"O=JPKI-TEST,C=JP\" serial: \"1\" }\n"
         "  validity: VALIDITY_VALID\n" +
         rest + "\n}\n";
}

TEST(Import, ReadsAWholePerson) {
  const auto persons = Parse(R"(
person {
  name { issuer: "OU=Synthetic CA,O=JPKI-TEST,C=JP" serial: "001A2B" }
  validity: VALIDITY_INVALID_REPLACED
  eligibility {
    insurer_number: "01000000" insurer_name: "試験健康保険" symbol: "試" number: "0001" branch: "02"
    relation: RELATION_FAMILY name: "試験 花子" kana: "ｼｹﾝ ﾊﾅｺ" sex: SEX_FEMALE
    birth_date: "2000-02-29" address: "架空県架空市1-1" valid_from: "2024-04-01"
    valid_to: "2024-04-01" reason_of_loss: REASON_OF_LOSS_OTHER_INSURANCE share_percent: 30
  }
}
person { name { issuer: "O=A" serial: "0" } validity: VALIDITY_NONE })");
  ASSERT_TRUE(persons.ok()) << persons.status();
  ASSERT_EQ(persons->size(), 2u);
  EXPECT_EQ(persons->at(0).serial, "1a2b");
  EXPECT_EQ(persons->at(0).issuer, "OU=Synthetic CA,O=JPKI-TEST,C=JP");
  EXPECT_EQ(persons->at(0).validity, check::v1::VALIDITY_INVALID_REPLACED);
  EXPECT_EQ(persons->at(0).eligibility.branch(), "02");
  EXPECT_EQ(persons->at(1).serial, "0");
}

TEST(Import, TakesTheKeyFromACertificate) {
  const auto issued = test::Issue(test::MakeAuthority(), test::RsaKey(), test::ValidNow());
  const auto certificate = Certificate::Parse(test::Der(issued));
  const std::string text = "person { certificate: \"cards/a.pem\" validity: VALIDITY_VALID }";
  const auto persons = Parse(text, test::Pem(issued));
  ASSERT_TRUE(persons.ok()) << persons.status();
  EXPECT_EQ(persons->at(0).issuer, certificate->issuer());
  EXPECT_EQ(persons->at(0).serial, certificate->serial());

  EXPECT_THAT(Error(text, "no pem"), HasSubstr("insured.textproto:1:10: expected a card's"));
  EXPECT_THAT(Error("\n  person { certificate: \"b.pem\" validity: VALIDITY_VALID }"),
              HasSubstr("insured.textproto:2:12: expected a PEM file; cannot read /data/b.pem"));
}

TEST(Import, AnEmptyFileHoldsNobody) { EXPECT_TRUE(Parse("")->empty()); }

struct BadInput {
  std::string text;
  std::string error;
};

TEST(Import, SaysLineAndColumnOfEveryMistake) {
  const BadInput kInputs[] = {
      {"person {\n  nome: 1\n}", "textproto:2:"},
      {"person {\n  validity: VALIDITY_VALID\n", "textproto:3:1:"},
      {"person {\n  validity: VALIDITY_PERHAPS }", "textproto:2:"},
      {"person {\n  validity: 42\n name { issuer: \"O=A\" serial: \"1\" } }",
       "textproto:2:3: expected validity"},
      {"\nperson { validity: VALIDITY_VALID }", "textproto:2:1: expected certificate or name"},
      {"person { name { issuer: \"O=A\" serial: \"1\" } }", "textproto:1:1: expected validity"},
      {"person { name { serial: \"1\" } validity: 1 }", "textproto:1:10: expected a name such"},
      {"person { name {\n issuer: \"O=A\"\n serial: \"1g\" } validity: 1 }",
       "textproto:3:2: expected 1 to 40 hexadecimal digits"},
      {Person("eligibility {\n    insurer_number: \"1234567\" }"),
       "textproto:5:5: expected an insurer number of 6 or 8 digits"},
      {Person("eligibility { insurer_number: \"12345a\" }"), "textproto:4:15: expected an insurer"},
      {Person("eligibility { branch: \"1\" }"), "textproto:4:15: expected a branch of 2 digits"},
      {Person("eligibility { birth_date: \"2023-02-29\" }"), "textproto:4:15: expected a calendar"},
      {Person("eligibility { birth_date: \"20000229\" }"), "textproto:4:15: expected a calendar"},
      {Person("eligibility { birth_date: \"2000-1-01\" }"), "textproto:4:15: expected a calendar"},
      {Person("eligibility {\n valid_from: \"2024-04-01\"\n valid_to: \"2024-03-31\" }"),
       "textproto:6:2: expected a date not before valid_from"},
      {Person("eligibility { share_percent: 101 }"), "textproto:4:15: expected 0 to 100"},
      {Person("eligibility { sex: 7 }"), "textproto:4:15: expected a value of Sex"},
      {Person("eligibility { name: \"a\\nb\" }"), "textproto:4:15: expected UTF-8"},
      {Person("eligibility { name: \"\\xff\" }"), "textproto:4:15: expected UTF-8"},
      {Person("eligibility { name: \"\\xed\\xa0\\x80\" }"), "textproto:4:15: expected UTF-8"},
      {Person("eligibility { name: \"" + std::string(513, 'x') + "\" }"), "expected UTF-8"},
      {Person("") + Person(""), "textproto:6:1: expected each card once; person 1 of this file"},
  };
  for (const BadInput& input : kInputs) {
    EXPECT_THAT(Error(input.text), HasSubstr(input.error)) << input.text;
  }
}

TEST(Import, ListsSeveralMistakesButNotThousands) {
  std::string text;
  for (int i = 0; i < 30; ++i) text += "person { validity: VALIDITY_VALID }\n";
  const std::string error = Error(text);
  EXPECT_THAT(error, HasSubstr(":20:1:"));
  EXPECT_THAT(error, Not(HasSubstr(":21:1:")));
  EXPECT_THAT(error, HasSubstr("and 10 more errors"));
}

TEST(Import, ErrorsHoldNoValues) {
  const std::string error = Error(Person(
      "eligibility { name: \"ﾀﾞﾚｶ\\n\" birth_date: \"SECRETDATE\" insurer_number: \"SECRET\" }"));
  EXPECT_THAT(error, Not(HasSubstr("SECRET")));
  EXPECT_THAT(error, Not(HasSubstr("ﾀﾞﾚｶ")));
}

}  // namespace
}  // namespace madoguchi::authority
