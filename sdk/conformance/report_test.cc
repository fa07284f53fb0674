#include "sdk/conformance/report.h"

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <sstream>

namespace madoguchi::conformance {
namespace {

using testing::HasSubstr;
using testing::Not;

Report Mixed() {
  Report report("someone 1.0.0, a policy by \"Strangers & Sons\" <ab>", {"folder  /tmp/someone"});
  report.Add({"plugin.hello", "Hello comes within 2 s.", Passed("14 ms"), 0.014});
  report.Add({"policy.same", "The same input always gives the same output.",
              Failed("it said \"a\\b\" <then> c & d\xFF\x01 " + std::string(150, 'x') + " 目視",
                     "keep no state between calls"),
              1.5});
  report.Add({"reader.pulled", "A pulled card is CARD_GONE.", Skipped("no card"), 0});
  return report;
}

// Counts a character of three or more bytes as two columns.
size_t Columns(const std::string& line) {
  size_t columns = 0;
  for (const char c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80) columns += byte >= 0xE1 ? 2 : 1;
  }
  return columns;
}

TEST(Report, TextFitsItsColumnsAndSaysWhatToDo) {
  const std::string text = Mixed().Text();
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(Columns(line), 100u) << line;
  EXPECT_THAT(text, HasSubstr("  pass  plugin.hello  "));
  EXPECT_THAT(text, HasSubstr("Hello comes within 2 s. [14 ms]"));
  EXPECT_THAT(text, HasSubstr("  FAIL  policy.same"));
  EXPECT_THAT(text, HasSubstr("        seen  it said \"a\\b\" <then> c & d??"));
  EXPECT_THAT(text, HasSubstr("        do    keep no state between calls\n"));
  EXPECT_THAT(text, HasSubstr("        why   no card\n"));
  EXPECT_THAT(text, HasSubstr("\nFAILED: 1 passed, 1 failed, 1 skipped in 1.51 s\n"));
}

TEST(Report, SaysOnceWhyRowsInARowAreSkipped) {
  Report report("someone");
  for (const char* why : {"no card", "no card", "no hand", "no card"}) {
    report.Add({"reader.a", "A.", Skipped(why), 0});
  }
  const std::string text = report.Text();
  const auto count = [&](const std::string& why) {
    size_t times = 0;
    for (size_t at = 0; (at = text.find("why   " + why, at)) != std::string::npos; ++at) ++times;
    return times;
  };
  EXPECT_EQ(count("no card"), 2u);
  EXPECT_EQ(count("no hand"), 1u);
}

TEST(Report, BreaksAWordThatFitsNoLine) {
  Report report(std::string(250, 'w'));
  report.Add({"desk." + std::string(60, 'i'), std::string(120, 'q'), Passed(), 0});
  std::istringstream lines(report.Text());
  size_t letters = 0;
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(Columns(line), 100u) << line;
    letters += static_cast<size_t>(std::count(line.begin(), line.end(), 'q'));
  }
  EXPECT_EQ(letters, 120u) << "none is lost";
}

TEST(Report, PassesOnlyWhenSomethingPassedAndNothingFailed) {
  Report report("someone");
  EXPECT_FALSE(report.Passes());
  report.Add({"plugin.a", "A.", Skipped("not today"), 0});
  EXPECT_FALSE(report.Passes());
  report.Add({"plugin.b", "B.", Passed(), 0});
  EXPECT_TRUE(report.Passes());
  EXPECT_THAT(report.Text(), HasSubstr("\nPASSED: "));
  report.Check("plugin.c", "C.", [] { return Failed("seen", "do"); });
  EXPECT_FALSE(report.Passes());
  EXPECT_EQ(report.rows().back().id, "plugin.c");
  EXPECT_EQ(report.CountOf(Outcome::kFailed), 1);
}

TEST(Report, JsonIsJson) {
  google::protobuf::Struct read;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(Mixed().Json(), &read).ok())
      << Mixed().Json();
  EXPECT_FALSE(read.fields().at("passes").bool_value());
  EXPECT_EQ(read.fields().at("failed").number_value(), 1);
  const auto& row = read.fields().at("rows").list_value().values(1).struct_value().fields();
  EXPECT_EQ(row.at("id").string_value(), "policy.same");
  EXPECT_EQ(row.at("outcome").string_value(), "failed");
  EXPECT_EQ(row.at("advice").string_value(), "keep no state between calls");
  EXPECT_THAT(row.at("detail").string_value(), HasSubstr("\"a\\b\" <then> c & d??"));
}

TEST(Report, JunitIsXmlWithOneCaseARow) {
  const std::string xml = Mixed().Junit();
  EXPECT_THAT(xml, HasSubstr("tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\""));
  EXPECT_THAT(xml, HasSubstr("name=\"someone 1.0.0, a policy by &quot;Strangers &amp; Sons&quot; "
                             "&lt;ab&gt;\""));
  EXPECT_THAT(xml, HasSubstr("<testcase classname=\"plugin\" name=\"hello\" time=\"0.01\"/>"));
  EXPECT_THAT(xml, HasSubstr("message=\"it said &quot;a\\b&quot; &lt;then&gt; c &amp; d??"));
  EXPECT_THAT(xml, HasSubstr("<skipped message=\"no card\"/>"));
  EXPECT_THAT(xml, Not(HasSubstr("<then>")));
}

}  // namespace
}  // namespace madoguchi::conformance
