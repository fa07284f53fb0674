#include "readers/pcsc/reader_choice.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "madoguchi/plugin/v1/plugin.pb.h"

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

// The default of the setting ignore_readers, as it is shipped, on names as pcscd shows them.
TEST(ReaderChoice, TheDefaultLeavesOutSecurityKeysAndNoReader) {
  std::ifstream file(MADOGUCHI_MANIFEST);
  std::stringstream text;
  text << file.rdbuf();
  plugin::v1::Manifest manifest;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(text.str(), &manifest));
  std::map<std::string, std::string> defaults;
  for (const auto& setting : manifest.setting()) defaults[setting.name()] = setting.default_value();
  const auto choice = ReaderChoice::Parse(defaults.at("readers"), defaults.at("ignore_readers"));
  ASSERT_TRUE(choice.ok()) << choice.status();
  for (const char* name : {
           "Yubico YubiKey OTP+FIDO+CCID 00 00",
           "Yubico Yubikey NEO OTP+U2F+CCID 00 00",
           "Nitrokey Nitrokey Pro (000000000000000000004E3A) 00 00",
           "Nitrokey Nitrokey 3 [CCID/ICCD Interface] 00 00",
           "Free Software Initiative of Japan Gnuk (FSIJ-1.2.19-67032648) 00 00",
           "German Privacy Foundation Crypto Stick v1.2 (000000000000000000000E1B) 00 00",
           "SoloKeys Solo 2 [CCID/ICCD Interface] 00 00",
           "TOKEN2 Molto2 00 00",
           "CRYPTOTRUST OnlyKey 00 00",
           "Canokeys Canokey [OpenPGP PIV OATH] (0A1B2C3D) 00 00",
           "SafeNet eToken 5110+ FIPS [Main Interface] 00 00",
           "Feitian ePass2003 00 00",
           "FT ePass2003Auto 00 00",
           "Ledger Nano S Plus [WebUSB] (0001) 00 00",
       }) {
    EXPECT_FALSE(choice->Takes(name)) << name;
  }
  for (const char* name : {
           "ACS ACR1252 Dual Reader [ACR1252 Dual Reader PICC] (RR554-012345) 00 00",
           "ACS ACR1252 Dual Reader [ACR1252 Dual Reader SAM] (RR554-012345) 01 00",
           "ACS ACR122U PICC Interface 00 00",
           "ACS ACR83U [CCID] 00 00",
           "SONY FeliCa RC-S300/P (1234567) 00 00",
           "Sony FeliCa Port/PaSoRi 3.0 00 00",
           "Identiv uTrust 3700 F CL Reader [CCID Interface] (55041514205514) 00 00",
           "Identiv Identiv uTrust 4701 F Dual Interface Reader [uTrust 4701 F] 00 00",
           "SCM Microsystems Inc. SCR 3310 [CCID Interface] (21120527200517) 00 00",
           "Cherry GmbH SmartTerminal ST-2xxx [Vendor Interface] (21121305317552) 00 00",
           "Access IS ePassport Reader 00 00",
           "Virtual PCD 00 00",
       }) {
    EXPECT_TRUE(choice->Takes(name)) << name;
  }
}

}  // namespace
}  // namespace madoguchi::pcsc
