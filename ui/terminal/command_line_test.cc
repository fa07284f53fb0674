#include "ui/terminal/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace madoguchi::terminal {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Refusal(const std::vector<std::string>& arguments) {
  const auto line = ParseCommandLine(arguments, Language::kEnglish);
  return line.ok() ? "accepted" : std::string(line.status().message());
}

TEST(CommandLine, TakesFlagsInBothForms) {
  const auto line =
      ParseCommandLine({"check", "--method=pin", "--counter", "trial", "--json", "--pin-fd", "3"},
                       Language::kEnglish);
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->command, Command::kCheck);
  EXPECT_EQ(line->method, "pin");
  EXPECT_EQ(line->counter, "trial");
  EXPECT_EQ(line->pin_fd, 3);
  EXPECT_TRUE(line->json);
}

TEST(CommandLine, TakesDevices) {
  const auto line = ParseCommandLine(
      {"--socket", "/s", "devices", "add", "pad", "--role", "patient", "--out", "pad.device"},
      Language::kEnglish);
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->command, Command::kDevicesAdd);
  EXPECT_EQ(line->name, "pad");
  EXPECT_EQ(line->role, check::v1::ROLE_PATIENT);
  EXPECT_EQ(line->socket, "/s");
}

TEST(CommandLine, TakesPlugins) {
  EXPECT_EQ(ParseCommandLine({"plugins"}, Language::kEnglish)->command, Command::kPlugins);
  EXPECT_EQ(ParseCommandLine({"plugins", "list", "--json"}, Language::kEnglish)->command,
            Command::kPlugins);
  const auto approve = ParseCommandLine(
      {"plugins", "approve", "reader_pcsc", "--digest", "ab12", "--yes"}, Language::kEnglish);
  ASSERT_TRUE(approve.ok()) << approve.status();
  EXPECT_EQ(approve->command, Command::kPluginsApprove);
  EXPECT_EQ(approve->name, "reader_pcsc");
  EXPECT_EQ(approve->digest, "ab12");
  EXPECT_TRUE(approve->yes);
  EXPECT_EQ(ParseCommandLine({"plugins", "restart", "a"}, Language::kEnglish)->command,
            Command::kPluginsRestart);
  EXPECT_THAT(Refusal({"plugins", "approve"}), HasSubstr("approve NAME"));
  EXPECT_THAT(Refusal({"plugins", "love", "a"}), HasSubstr("approve NAME"));
  EXPECT_THAT(Refusal({"plugins", "show", "a", "b"}), HasSubstr("b"));
  EXPECT_THAT(Refusal({"plugins", "revoke", "a", "--yes"}), HasSubstr("--yes"));
}

TEST(CommandLine, NeverTakesAPinAndNeverRepeatsOne) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"check", "--method", "pin", "--pin", "0456"},
           {"check", "--method", "pin", "--pin=0456"},
           {"check", "--method", "pin", "0456"},
       }) {
    EXPECT_THAT(Refusal(arguments), Not(HasSubstr("accepted")));
    EXPECT_THAT(Refusal(arguments), Not(HasSubstr("0456")));
  }
  EXPECT_THAT(Refusal({"check", "--method", "pin", "--pin", "0456"}), HasSubstr("--pin-fd"));
}

TEST(CommandLine, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(Refusal({}), HasSubstr("Name a command"));
  EXPECT_THAT(Refusal({"chek"}), HasSubstr("chek"));
  EXPECT_THAT(Refusal({"readers", "--yes"}), HasSubstr("--yes"));
  EXPECT_THAT(Refusal({"check"}), HasSubstr("--method"));
  EXPECT_THAT(Refusal({"check", "--method"}), HasSubstr("needs a value"));
  EXPECT_THAT(Refusal({"check", "--method", "PIN!"}), HasSubstr("--method"));
  EXPECT_THAT(Refusal({"check", "--method", "pin", "--pin-fd", "x"}), HasSubstr("--pin-fd"));
  EXPECT_THAT(Refusal({"check", "--method", "pin", "--json=1"}), HasSubstr("takes no value"));
  EXPECT_THAT(Refusal({"devices", "add"}), HasSubstr("add NAME"));
  EXPECT_THAT(Refusal({"devices", "add", "a", "--role", "king", "--out", "f"}),
              HasSubstr("--role"));
  EXPECT_THAT(Refusal({"readers", "--host", "a:1"}), HasSubstr("--device"));
  EXPECT_THAT(Refusal({"readers", "--socket", "/s", "--device", "f"}), HasSubstr("--socket"));
  EXPECT_THAT(Refusal({"chek\x1b[2J"}), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace madoguchi::terminal
