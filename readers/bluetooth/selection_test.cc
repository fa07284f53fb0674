#include "readers/bluetooth/selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace madoguchi::bluetooth {
namespace {

using Kind = Selection::Kind;

TEST(Selection, NamesAddressesAndPatterns) {
  const auto selection = Selection::Parse(" ACR1255U-J1-000123 ,00:00:5e:00:53:10,, FT_*\n");
  ASSERT_TRUE(selection.ok());
  ASSERT_EQ(selection->entries().size(), 3u);
  EXPECT_EQ(selection->entries()[0].kind, Kind::kName);
  EXPECT_EQ(selection->entries()[1].kind, Kind::kAddress);
  EXPECT_EQ(selection->entries()[1].text, "00:00:5E:00:53:10");
  EXPECT_EQ(selection->entries()[2].kind, Kind::kPattern);
  EXPECT_TRUE(Selection::Parse("")->entries().empty());
  EXPECT_TRUE(Selection::Parse(" , ,")->entries().empty());
}

TEST(Selection, WhatIsTooMuchIsRefused) {
  std::string many;
  for (int i = 0; i < 17; ++i) many += "reader" + std::to_string(i) + ",";
  EXPECT_THAT(std::string(Selection::Parse(many).status().message()),
              testing::HasSubstr("17 entries; expected at most 16"));
  EXPECT_FALSE(Selection::Parse(std::string(249, 'a')).ok());
}

TEST(Selection, MeansWhomItNames) {
  const auto selection = Selection::Parse("ACR-1,00:00:5E:00:53:10,FT_*");
  const auto match = [&](const std::string& address, const std::string& name, bool known) {
    const Selection::Entry* const entry = selection->Match(address, name, known);
    return entry == nullptr ? "" : entry->text;
  };
  EXPECT_EQ(match("00:00:5E:00:53:99", "ACR-1", false), "ACR-1");
  EXPECT_EQ(match("00:00:5e:00:53:10", "anything", false), "00:00:5E:00:53:10");
  EXPECT_EQ(match("00:00:5E:00:53:99", "FT_1", true), "FT_*");
  EXPECT_EQ(match("00:00:5E:00:53:99", "FT_1", false), "") << "headphones of that name";
  EXPECT_EQ(match("00:00:5E:00:53:99", "ACR-12", true), "");
  EXPECT_EQ(match("00:00:5E:00:53:99", "", true), "");
}

TEST(Selection, StarsStandForAnything) {
  struct Row {
    const char *pattern, *name;
    bool fits;
  };
  for (const Row& row :
       {Row{"*", "", true}, Row{"*", "x", true}, Row{"a*", "a", true}, Row{"a*", "ba", false},
        Row{"*a", "bca", true}, Row{"*a", "ab", false}, Row{"a*b*c", "aXbYbZc", true},
        Row{"a*b*c", "acb", false}, Row{"**", "x", true}, Row{"a**b", "ab", true}}) {
    const auto selection = Selection::Parse(row.pattern);
    EXPECT_EQ(selection->Match("", row.name, true) != nullptr, row.fits)
        << row.pattern << " and " << row.name;
  }
  // Work without end for a pattern that is tried in the wrong way.
  std::string pattern, name(20'000, 'a');
  for (int i = 0; i < 100; ++i) pattern += "a*";
  EXPECT_EQ(Selection::Parse(pattern + "b")->Match("", name, true), nullptr);
}

}  // namespace
}  // namespace madoguchi::bluetooth
