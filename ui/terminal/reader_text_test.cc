// The readers' table.
#include "ui/terminal/reader_text.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

#include "ui/terminal/width.h"

namespace madoguchi::terminal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::time_t kNow = 1800000000;  // 2027-01-15T08:00:00Z, 17:00 in Japan

class ReaderTable : public testing::Test {
 protected:
  ReaderTable() {
    setenv("TZ", "JST-9", 1);
    tzset();
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(R"(
      source { plugin: 'reader_pcsc' service: SERVICE_RUNNING }
      source { plugin: 'reader_bluetooth' service: SERVICE_RUNNING }
      reader {
        plugin: 'reader_pcsc'
        state { name: 'ACS ACR122U PICC Interface 00 00' presence: PRESENCE_PRESENT maker: 'ACS'
                link: LINK_USB }
        since: '2027-01-15T07:05:09Z' card: CARD_KIND_MY_NUMBER_CARD
      }
      reader {
        plugin: 'reader_bluetooth'
        state { name: 'counter 2' link: LINK_BLUETOOTH maker: 'Advanced Card Systems'
                battery_percent: 7 trouble { code: FAILURE_CODE_READER_OUT_OF_RANGE } }
        since: '2027-01-14T20:00:00Z'
      })",
                                                              &table_));
  }
  std::string Text(Language language) { return ReaderTableText(table_, language, kNow); }
  desk::v1::ReaderTable table_;
};

TEST_F(ReaderTable, ShowsEverythingInEightyColumns) {
  EXPECT_EQ(Text(Language::kEnglish),
            "READER (MAKER)              LINK       STATE                 BATT  SINCE\n"
            "reader_pcsc/ACS ACR122U     USB        card: My Number Card        16:05:09\n"
            "PICC Interface 00 00\n"
            "reader_bluetooth/counter 2  Bluetooth  The Bluetooth reader  7%    05:00:00\n"
            "(Advanced Card Systems)                cannot be found.\n");
  for (const Language language : {Language::kEnglish, Language::kJapanese}) {
    std::istringstream lines(Text(language));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), 80) << line;
  }
  EXPECT_THAT(Text(Language::kJapanese), HasSubstr("Bluetooth のリーダー"));
}

TEST_F(ReaderTable, AServiceThatIsDownSaysWhatToDo) {
  table_.clear_reader();
  table_.mutable_source(0)->set_service(reader::v1::SERVICE_DOWN);
  table_.mutable_source(1)->mutable_trouble()->set_code(
      check::v1::FAILURE_CODE_BLUETOOTH_ADAPTER_ABSENT);
  const std::string text = Text(Language::kEnglish);
  EXPECT_THAT(text, HasSubstr("There is no card reader.\n"));
  EXPECT_THAT(text, HasSubstr("reader_pcsc: The card reader service is not running. "
                              "(READER_SERVICE_DOWN)\nAsk the administrator to start it"));
  EXPECT_THAT(text, HasSubstr("reader_bluetooth: This computer has no Bluetooth adapter."));
  EXPECT_THAT(text, HasSubstr("\nConnect a Bluetooth adapter.\n"));
}

TEST_F(ReaderTable, WhatComesFromElsewhereIsEscaped) {
  table_.mutable_reader(0)->mutable_state()->set_name("\x1b[2J");
  table_.mutable_reader(0)->mutable_state()->set_maker("\x1b]0;");
  table_.mutable_reader(0)->set_since("\x1b");
  EXPECT_THAT(Text(Language::kEnglish), Not(HasSubstr("\x1b")));
}

TEST_F(ReaderTable, TimesAreThoseOfTheWall) {
  EXPECT_EQ(WallTime("2027-01-15T07:05:09Z", kNow), "16:05:09");
  EXPECT_EQ(WallTime("2027-01-14T14:59:00Z", kNow), "01-14 23:59");
  EXPECT_EQ(WallTime("2026-12-31T14:59:00Z", kNow), "2026-12-31");
  EXPECT_EQ(WallTime("soon", kNow), "soon");
  EXPECT_EQ(LocalTime("2027-01-15T07:05:09Z"), "2027-01-15 16:05:09");
  EXPECT_EQ(LocalTime("soon"), "soon");
}

TEST(Wrap, BreaksAtSpacesAndBetweenWideCharacters) {
  EXPECT_THAT(WrapTo("", 5), ElementsAre(""));
  EXPECT_THAT(WrapTo("one two three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(WrapTo("abcdefgh", 5), ElementsAre("abcde", "fgh"));
  EXPECT_THAT(WrapTo("カード(ACS)", 9), ElementsAre("カード", "(ACS)"));
  EXPECT_THAT(WrapTo("取ります。", 8), ElementsAre("取りま", "す。")) << "no line begins with it";
  EXPECT_EQ(WrappedColumns({{"aa bb", "c"}, {"d", "e"}}, {2, 1}), "aa  c\nbb\nd   e\n");
}

}  // namespace
}  // namespace madoguchi::terminal
