#include "readers/pcsc/reader_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace madoguchi::pcsc {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(MatchesPattern, KnowsStarsAndQuestionMarks) {
  const struct {
    const char *pattern, *name;
    bool matches;
  } rows[] = {
      {"ACS ACR122U 00 00", "ACS ACR122U 00 00", true},
      {"acs acr122u 00 00", "ACS ACR122U 00 00", true},
      {"ACR122U", "ACS ACR122U 00 00", false},  // the whole name
      {"*ACR122U*", "ACS ACR122U 00 00", true},
      {"*ACR12?U*", "ACS ACR122U 00 00", true},
      {"*00 01", "ACS ACR122U 00 00", false},
      {"*00 0?", "ACS ACR122U 00 00", true},
      {"*[CCID]*", "ACS ACR83U [CCID] 00 00", true},
      {"*[CCID]*", "ACS ACR83U C 00 00", false},
      {"*", "", true},
      {"?", "", false},
      {"", "", true},
      {"", "a", false},
      {"a*b*c", "a-b-b-c-c", true},
      {"a*b*c", "a-c-b", false},
      {"**a**", "bab", true},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(MatchesPattern(row.pattern, row.name), row.matches) << row.pattern << " " << row.name;
  }
}

TEST(MatchesPattern, ManyStarsEndSoon) {
  std::string pattern;
  for (int i = 0; i < 60; ++i) pattern += "*a";
  EXPECT_FALSE(MatchesPattern(pattern + "b", std::string(127, 'a')));
}

TEST(ParsePatterns, TakesAList) {
  EXPECT_THAT(*ParsePatterns("readers", ""), ElementsAre());
  EXPECT_THAT(*ParsePatterns("readers", "  "), ElementsAre());
  EXPECT_THAT(*ParsePatterns("readers", " *ACR* ;\n*Sony FeliCa*; "),
              ElementsAre("*ACR*", "*Sony FeliCa*"));
  EXPECT_THAT(*ParsePatterns("readers", "a;b;"), ElementsAre("a", "b"));
}

TEST(ParsePatterns, SaysWhatWhereAndWhatToDo) {
  const struct {
    std::string text;
    const char *where, *what;
  } rows[] = {
      {"*A*;;*B*", "pattern 2", "is empty"},
      {";", "pattern 1", "is empty"},
      {"*A*;" + std::string(128, 'x'), "pattern 2", "128 bytes"},
      {[] {
         std::string many = "a";
         for (int i = 0; i < 64; ++i) many += ";a";
         return many;
       }(),
       "pattern 65", "too many"},
  };
  for (const auto& row : rows) {
    const auto parsed = ParsePatterns("ignore_readers", row.text);
    ASSERT_FALSE(parsed.ok()) << row.text;
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(parsed.status().message()),
                AllOf(HasSubstr("ignore_readers"), HasSubstr(row.where), HasSubstr(row.what)));
  }
}

TEST(ReaderChoice, ToIgnoreGoesBeforeToAllow) {
  const auto all = ReaderChoice::Parse("", "");
  ASSERT_TRUE(all.ok());
  EXPECT_TRUE(all->Takes("Yubico YubiKey OTP+FIDO+CCID 00 00"));
  const auto ignoring = ReaderChoice::Parse("", "*YubiKey*");
  ASSERT_TRUE(ignoring.ok());
  EXPECT_FALSE(ignoring->Takes("Yubico YubiKey OTP+FIDO+CCID 00 00"));
  EXPECT_TRUE(ignoring->Takes("ACS ACR122U 00 00"));
  const auto both = ReaderChoice::Parse("*ACR*; *Yubi*", "*YubiKey*");
  ASSERT_TRUE(both.ok());
  EXPECT_TRUE(both->Takes("ACS ACR122U 00 00"));
  EXPECT_FALSE(both->Takes("Yubico YubiKey OTP+FIDO+CCID 00 00"));
  EXPECT_FALSE(both->Takes("Sony FeliCa Port 00 00"));
  EXPECT_FALSE(ReaderChoice::Parse(";;", "").ok());
  EXPECT_FALSE(ReaderChoice::Parse("", ";;").ok());
}

}  // namespace
}  // namespace madoguchi::pcsc
