#include "readers/pcsc/pad_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace madoguchi::pcsc {
namespace {

using testing::HasSubstr;

TEST(PadRules, SaysNothingWithoutRules) {
  for (const char* text : {"", " ", ";", " ;\n"}) {
    const auto rules = PadRules::Parse(text);
    ASSERT_TRUE(rules.ok()) << rules.status();
    const PadRule rule = rules->Of("ACS ACR83U 00 00");
    EXPECT_FALSE(rule.off);
    EXPECT_TRUE(rule.lc);
    EXPECT_FALSE(rule.timeout.has_value());
  }
}

TEST(PadRules, TheFirstThatFitsCountsAlone) {
  const auto rules = PadRules::Parse(
      "*Cherry*: pin_pad=off;\n"
      "Gem: Pinpad*: timeout=45 shortest=4 longest=8 format=82 block=04 length_format=10 "
      "validation=3 messages=FF language=0411 lc=off;"
      "*: timeout=20 pin_pad=on");
  ASSERT_TRUE(rules.ok()) << rules.status();
  EXPECT_TRUE(rules->Of("Cherry ST-2000 00 00").off);
  const PadRule rule = rules->Of("Gem: Pinpad 00 00");
  EXPECT_EQ(rule.timeout, 45);
  EXPECT_EQ(rule.shortest, 4);
  EXPECT_EQ(rule.longest, 8);
  EXPECT_EQ(rule.format, 0x82);
  EXPECT_EQ(rule.block, 0x04);
  EXPECT_EQ(rule.length_format, 0x10);
  EXPECT_EQ(rule.validation, 3);
  EXPECT_EQ(rule.messages, 0xFF);
  EXPECT_EQ(rule.language, 0x0411);
  EXPECT_FALSE(rule.lc);
  const PadRule other = rules->Of("ACS ACR83U 00 00");
  EXPECT_EQ(other.timeout, 20);
  EXPECT_FALSE(other.off);
  EXPECT_FALSE(other.format.has_value());
}

TEST(PadRules, SaysWhatWhereAndWhatToDo) {
  const struct {
    const char *text, *error;
  } rows[] = {
      {"*ACR*", "rule 1: no colon in \"*ACR*\"; expected PATTERN: WORD=VALUE"},
      {"*A*: pin_pad=off; *B*", "rule 2: no colon"},
      {": pin_pad=off", "rule 1: no reader before the colon"},
      {"*A*:", "rule 1: nothing after the colon"},
      {"*A*: off", "rule 1: \"off\" has no value"},
      {"*A*: pinpad=off", "unknown word \"pinpad\"; expected one of pin_pad, lc, timeout"},
      {"*A*: pin_pad=no", "pin_pad is \"no\"; expected on or off"},
      {"*A*: timeout=0", "timeout is \"0\"; expected 1 to 255"},
      {"*A*: timeout=256", "timeout is \"256\""},
      {"*A*: timeout=-1", "timeout is \"-1\""},
      {"*A*: timeout=", "timeout is \"\""},
      {"*A*: timeout=99999999999", "timeout is \"99999999999\""},
      {"*A*: longest=17", "longest is \"17\"; expected 1 to 16"},
      {"*A*: format=100", "format is \"100\"; expected 0 to FF, hexadecimal"},
      {"*A*: language=10000", "expected 0 to FFFF, hexadecimal"},
      {"*A*: shortest=8 longest=4", "shortest is more than longest"},
  };
  for (const auto& row : rows) {
    const auto rules = PadRules::Parse(row.text);
    ASSERT_FALSE(rules.ok()) << row.text;
    EXPECT_EQ(rules.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(rules.status().message()), HasSubstr("setting pads, "));
    EXPECT_THAT(std::string(rules.status().message()), HasSubstr(row.error)) << row.text;
  }
}

}  // namespace
}  // namespace madoguchi::pcsc
