#include "readers/pcsc/pin_pad.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <reader.h>

#include "sdk/failure/failure.h"

namespace madoguchi::pcsc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Bytes = std::vector<uint8_t>;

const Bytes kVerify = {0x00, 0x20, 0x00, 0x98, 0x00};

reader::v1::PadForm Form(uint32_t shortest, uint32_t longest, uint32_t patience_s = 30) {
  reader::v1::PadForm form;
  form.set_shortest(shortest);
  form.set_longest(longest);
  form.set_patience_s(patience_s);
  return form;
}

TEST(ParseFeatures, FindsTheCodes) {
  const Bytes list = {0x06, 4,    0x42, 0x33, 0x00, 0x06, 0x07, 4,    0x42, 0x33,
                      0x00, 0x07, 0x0A, 4,    0x42, 0x33, 0x00, 0x0A, 0x12, 4,
                      0x42, 0x33, 0x00, 0x12, 0x06, 4,    0x00, 0x00, 0x00, 0x01};
  const PadFeatures features = ParseFeatures(list);
  EXPECT_EQ(features.verify_direct, 0x42330006u);  // the first of the two
  EXPECT_EQ(features.pin_properties, 0x4233000Au);
  EXPECT_EQ(features.tlv_properties, 0x42330012u);
  EXPECT_EQ(ParseFeatures({}).verify_direct, 0u);
}

TEST(ParseFeatures, TakesNothingFromGarbage) {
  const Bytes good = {0x06, 4, 0x42, 0x33, 0x00, 0x06};
  ASSERT_NE(ParseFeatures(good).verify_direct, 0u);
  for (size_t size = 1; size < good.size(); ++size) {
    EXPECT_EQ(ParseFeatures(std::span(good).first(size)).verify_direct, 0u) << size;
    Bytes behind = good;
    behind.insert(behind.end(), good.begin(), good.begin() + size);
    EXPECT_EQ(ParseFeatures(behind).verify_direct, 0u) << size;
  }
  for (const uint8_t length : {0, 1, 3, 5, 255}) {
    EXPECT_EQ(ParseFeatures(Bytes{0x06, length, 0x42, 0x33, 0x00, 0x06}).verify_direct, 0u);
  }
}

TEST(ParseTlvProperties, TakesWhatStandsBeforeABreak) {
  const PadProperties all = ParseTlvProperties(Bytes{1, 2, 0x10, 0x02, 6, 1, 4, 7, 1, 12});
  EXPECT_EQ(all.display, true);
  EXPECT_EQ(all.shortest, 4);
  EXPECT_EQ(all.longest, 12);
  const PadProperties part = ParseTlvProperties(Bytes{1, 2, 0, 0, 6, 1, 4, 7, 2, 12});
  EXPECT_EQ(part.display, false);
  EXPECT_EQ(part.shortest, 4);
  EXPECT_FALSE(part.longest.has_value());
  // Values of other lengths are none.
  EXPECT_FALSE(ParseTlvProperties(Bytes{6, 2, 4, 0}).shortest.has_value());
  EXPECT_FALSE(ParseTlvProperties(Bytes{7}).longest.has_value());
}

TEST(ParsePinProperties, WantsTheWholeStructure) {
  EXPECT_EQ(ParsePinProperties(Bytes{0x10, 0x02, 0x07, 0x01}).display, true);
  EXPECT_EQ(ParsePinProperties(Bytes{0, 0, 0x07, 0x01}).display, false);
  EXPECT_FALSE(ParsePinProperties(Bytes{0x10, 0x02, 0x07}).display.has_value());
  EXPECT_FALSE(ParsePinProperties({}).display.has_value());
}

TEST(VerifyStructure, IsThatOfPart10) {
  const auto bytes = VerifyStructure(kVerify, 5, Form(4, 16), {}, {});
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_THAT(*bytes, ElementsAre(30, 30,                  // seconds
                                  0x82, 0x00, 0x00,        // ASCII, left, no padding, no length
                                  16, 4,                   // at most, at least
                                  0x02,                    // the person ends it
                                  0xFF, 0x09, 0x04, 0x00,  // the pad's own words, English
                                  0, 0, 0,                 // no T=1 prologue
                                  5, 0, 0, 0, 0x00, 0x20, 0x00, 0x98, 0x00));
  PadProperties blind;
  blind.display = false;
  EXPECT_EQ((*VerifyStructure(kVerify, 5, Form(4, 16), blind, {}))[8], 0x00);
}

TEST(VerifyStructure, DoesNotBelieveLengthsThatLeaveNothing) {
  const struct {
    std::optional<uint8_t> says_shortest, says_longest;
    uint32_t shortest, longest;  // of the form
    uint8_t least, most;
  } rows[] = {
      {std::nullopt, std::nullopt, 4, 4, 4, 4},
      {0, 0, 4, 4, 4, 4},
      {0, 8, 4, 16, 4, 8},
      {6, 12, 4, 16, 6, 12},
      {8, 4, 4, 4, 4, 4},
      {5, 255, 4, 4, 4, 4},
      {0, 3, 4, 4, 4, 4},
      {255, 255, 4, 16, 4, 16},
  };
  for (const auto& row : rows) {
    PadProperties properties;
    properties.shortest = row.says_shortest;
    properties.longest = row.says_longest;
    const auto bytes = VerifyStructure(kVerify, 5, Form(row.shortest, row.longest), properties, {});
    ASSERT_TRUE(bytes.ok());
    EXPECT_EQ((*bytes)[6], row.least);
    EXPECT_EQ((*bytes)[5], row.most);
  }
}

TEST(VerifyStructure, TheClinicHasTheLastWord) {
  const auto rules = PadRules::Parse(
      "*: timeout=60 shortest=6 longest=8 format=81 block=48 length_format=10 validation=3 "
      "messages=1 language=0411 lc=off");
  ASSERT_TRUE(rules.ok()) << rules.status();
  PadProperties properties;
  properties.longest = 5;
  const auto bytes = VerifyStructure(kVerify, 5, Form(4, 4), properties, rules->Of("A"));
  ASSERT_TRUE(bytes.ok());
  EXPECT_THAT(*bytes, ElementsAre(60, 60, 0x81, 0x48, 0x10, 8, 6, 0x03, 0x01, 0x11, 0x04, 0x00, 0,
                                  0, 0, 4, 0, 0, 0, 0x00, 0x20, 0x00, 0x98));
}

TEST(VerifyStructure, TheLengthThatTheClinicLeavesOutFollowsTheOther) {
  const struct {
    const char* words;
    uint32_t shortest, longest;  // of the form
    uint8_t least, most;
  } rows[] = {
      {"shortest=6", 4, 4, 6, 6},
      {"shortest=6", 4, 16, 6, 16},
      {"longest=5", 6, 16, 5, 5},
      {"longest=5", 4, 16, 4, 5},
  };
  for (const auto& row : rows) {
    const auto rules = PadRules::Parse(std::string("*: ") + row.words);
    ASSERT_TRUE(rules.ok()) << rules.status();
    const auto bytes =
        VerifyStructure(kVerify, 5, Form(row.shortest, row.longest), {}, rules->Of("A"));
    ASSERT_TRUE(bytes.ok());
    EXPECT_EQ((*bytes)[6], row.least) << row.words;
    EXPECT_EQ((*bytes)[5], row.most) << row.words;
  }
}

TEST(VerifyStructure, TakesNoOtherTemplate) {
  for (const auto& [bytes, offset] :
       std::vector<std::pair<Bytes, uint32_t>>{{{0x00, 0x20, 0x00, 0x98}, 5},
                                               {{0x00, 0x20, 0x00, 0x98, 0x04}, 5},
                                               {{0x00, 0x20, 0x00, 0x98, 0x00, 0x31}, 5},
                                               {{}, 5},
                                               {kVerify, 4},
                                               {kVerify, 0}}) {
    EXPECT_EQ(CodeOf(VerifyStructure(bytes, offset, Form(4, 4), {}, {}).status()),
              check::v1::FAILURE_CODE_REQUEST_INVALID);
  }
}

TEST(PadFailure, TellsThePadFromTheCard) {
  const struct {
    Bytes response;
    const char* code;
  } rows[] = {
      {{0x64, 0x00}, "PIN_NOT_TYPED"},   {{0x64, 0x01}, "PIN_PAD_CANCELLED"},
      {{0x64, 0x02}, "PIN_FORM"},        {{0x64, 0x03}, "PIN_FORM"},
      {{0x6B, 0x80}, "REQUEST_INVALID"},
  };
  for (const auto& row : rows) EXPECT_EQ(NameOf(CodeOf(PadFailure(row.response))), row.code);
  for (const Bytes& card : {Bytes{0x90, 0x00}, Bytes{0x63, 0xC2}, Bytes{0x69, 0x84},
                            Bytes{0x6B, 0x00}, Bytes{}, Bytes{0x64}, Bytes{0x01, 0x64, 0x01}}) {
    EXPECT_TRUE(PadFailure(card).ok());
  }
}

}  // namespace
}  // namespace madoguchi::pcsc
