// What stands on the screen: widths, dates, verdicts.
#include "ui/terminal/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdk/failure/failure.h"
#include "ui/terminal/era.h"
#include "ui/terminal/screen.h"
#include "ui/terminal/width.h"

namespace madoguchi::terminal {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Width, CountsWhatATerminalShows) {
  EXPECT_EQ(DisplayWidth("abc"), 3);
  EXPECT_EQ(DisplayWidth("氏名"), 4);
  EXPECT_EQ(DisplayWidth("ｶﾅ"), 2) << "half-width katakana";
  EXPECT_EQ(DisplayWidth("試験　花子"), 10) << "the space is wide, too";
  EXPECT_EQ(DisplayWidth("か\u3099"), 2) << "a combining mark";
  EXPECT_EQ(DisplayWidth("葛\U000E0100城"), 4) << "a variation selector";
  EXPECT_EQ(DisplayWidth("𠮷"), 2);
  EXPECT_EQ(DisplayWidth("\xff\xe3\x81"), 3) << "broken bytes";
  EXPECT_EQ(Columns({{"氏名", "a"}, {"住所地", "b"}}), "氏名    a\n住所地  b\n");
}

TEST(Printable, LeavesNothingThatSteersATerminal) {
  EXPECT_EQ(Printable("東京\x1b[31m\n\t"), "東京\\u{001B}[31m\\u{000A}\\u{0009}");
  EXPECT_EQ(Printable("a\x7f\xc2\x9b"), "a\\u{007F}\\u{009B}");
  EXPECT_EQ(Printable("\x9b\xc0\x80"), "\\x9B\\xC0\\x80");
  EXPECT_EQ(Printable("\u202Eabc"), "\\u{202E}abc");
  EXPECT_EQ(Printable("葛\U000E0100"), "葛\U000E0100");
}

TEST(Date, NamesTheEra) {
  const auto ja = [](const char* date) { return DateText(date, Language::kJapanese); };
  EXPECT_EQ(ja("1980-02-17"), "1980年2月17日（昭和55年）");
  EXPECT_EQ(ja("1989-01-07"), "1989年1月7日（昭和64年）");
  EXPECT_EQ(ja("1989-01-08"), "1989年1月8日（平成元年）");
  EXPECT_EQ(ja("2019-04-30"), "2019年4月30日（平成31年）");
  EXPECT_EQ(ja("2019-05-01"), "2019年5月1日（令和元年）");
  EXPECT_EQ(ja("1926-12-24"), "1926年12月24日（大正15年）");
  EXPECT_EQ(ja("1926-12-25"), "1926年12月25日（昭和元年）");
  EXPECT_EQ(ja("1912-07-29"), "1912年7月29日（明治45年）");
  EXPECT_EQ(ja("1867-01-01"), "1867年1月1日");
  EXPECT_EQ(ja("2023-02-29"), "2023-02-29") << "no such day";
  EXPECT_EQ(ja("1980-02-1\x1b"), "1980-02-1\\u{001B}");
  EXPECT_EQ(ja(""), "");
  EXPECT_EQ(DateText("1980-02-17", Language::kEnglish), "1980-02-17");
}

TEST(Fill, FillsInOrderAndOnlyThePhrase) {
  constexpr Phrase phrase("{}と{}", "{} and {}");
  EXPECT_EQ(Fill(phrase, Language::kEnglish, {"{}", "b"}), "{} and b");
}

check::v1::Verdict Hanako() {
  check::v1::Verdict verdict;
  verdict.set_outcome(check::v1::OUTCOME_ELIGIBLE);
  verdict.set_validity(check::v1::VALIDITY_VALID);
  auto* const e = verdict.mutable_eligibility();
  e->set_name("試験　花子");
  e->set_birth_date("1980-02-17");
  e->set_sex(check::v1::SEX_FEMALE);
  e->set_insurer_number("06130000");
  e->set_relation(check::v1::RELATION_INSURED);
  e->set_valid_from("2024-04-01");
  e->set_share_percent(30);
  e->set_address("試験県\x1b]0;title\x07");
  return verdict;
}

TEST(Progress, SaysWhereToLayTheCardWhereThatIsAQuestion) {
  desk::v1::View view;
  view.set_stage(desk::v1::STAGE_LAY_CARD);
  const auto text = [&] { return ProgressText(view, Language::kEnglish); };
  view.add_lay_on("play/one");
  EXPECT_EQ(text(), "Please lay the card down.\n") << "there is only one";
  view.add_lay_on("play/two\x1b");
  EXPECT_EQ(text(),
            "Please lay the card down.\n  Readers to lay it on: play/one, play/two\\u{001B}\n");
  for (int n = 0; n < 3; ++n) view.add_lay_on("more");
  EXPECT_THAT(text(), HasSubstr("more, more, and more\n"));
  view.clear_lay_on();
  view.add_lay_on("play/one");
  view.set_lost_reader("play/two");
  EXPECT_EQ(text(),
            "Please lay the card down.\n  The reader that went away: play/two\n"
            "  Readers to lay it on: play/one\n");
}

TEST(Verdict, IsAlignedInJapanese) {
  EXPECT_EQ(VerdictText(Hanako(), Language::kJapanese),
            "資格確認の結果  有効\n"
            "氏名            試験　花子\n"
            "生年月日        1980年2月17日（昭和55年）\n"
            "性別            女\n"
            "住所            試験県\\u{001B}]0;title\\u{0007}\n"
            "保険者番号      06130000\n"
            "本人・家族の別  本人\n"
            "有効期間        2024年4月1日（令和6年） から\n"
            "負担割合        3割\n");
}

TEST(Verdict, IsAlignedInEnglish) {
  const std::string text = VerdictText(Hanako(), Language::kEnglish);
  EXPECT_THAT(text, HasSubstr("Result           Valid\n"));
  EXPECT_THAT(text, HasSubstr("Patient's share  30%\n"));
}

TEST(Verdict, SaysWhyAndWhatToDo) {
  check::v1::Verdict verdict;
  verdict.set_outcome(check::v1::OUTCOME_NOT_ELIGIBLE);
  verdict.set_validity(check::v1::VALIDITY_INVALID_REPLACED);
  verdict.mutable_failure()->set_code(check::v1::FAILURE_CODE_REPLACED_BY_NEW);
  const std::string text = VerdictText(verdict, Language::kJapanese);
  EXPECT_THAT(text, HasSubstr("資格確認の結果  無効（新しい資格あり）\n"));
  EXPECT_THAT(text, HasSubstr("(REPLACED_BY_NEW)\n対応"));
  EXPECT_THAT(text, Not(HasSubstr("氏名")));
}

}  // namespace
}  // namespace madoguchi::terminal
