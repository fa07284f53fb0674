#include "sdk/conformance/program.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace madoguchi::conformance {
namespace {

using testing::HasSubstr;

class ProgramTest : public testing::Test {
 protected:
  ProgramTest() {
    char pattern[] = "/tmp/madoguchi-program-XXXXXX";
    folder_ = mkdtemp(pattern);
  }
  ~ProgramTest() override { std::filesystem::remove_all(folder_); }

  absl::StatusOr<std::unique_ptr<Program>> Run(const std::string& script, bool await_ready,
                                               const std::string& fd5_text = "",
                                               const std::string& errors = "") {
    return Program::Run({"/bin/sh", "-c", script}, folder_ + "/log", await_ready, fd5_text,
                        errors.empty() ? "" : folder_ + "/" + errors);
  }

  std::string folder_;
};

TEST_F(ProgramTest, IsThereWhenItIsReady) {
  auto program = Run("echo unready; echo ready; exec sleep 60", true);
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ((*program)->Output(), "unready\nready\n");
  EXPECT_EQ((*program)->Wait(std::chrono::milliseconds(0)), std::nullopt);
  EXPECT_EQ((*program)->End(SIGKILL), 128 + SIGKILL);
}

TEST_F(ProgramTest, SaysWhyItIsNotReady) {
  const auto program = Run("echo unready; echo no luck >&2; exit 3", true, "", "errors");
  EXPECT_THAT(std::string(program.status().message()), HasSubstr("unready\nno luck\n"));
}

TEST_F(ProgramTest, KeepsErrorsApartWhereAsked) {
  const std::string script = "echo out; echo err >&2";
  auto together = Run(script, false);
  ASSERT_TRUE(together.ok()) << together.status();
  EXPECT_EQ((*together)->Wait(), 0);
  EXPECT_EQ((*together)->Output(), "out\nerr\n");
  EXPECT_EQ((*together)->Errors(), "");
  auto apart = Run(script, false, "", "errors");
  ASSERT_TRUE(apart.ok()) << apart.status();
  EXPECT_EQ((*apart)->Wait(), 0);
  EXPECT_EQ((*apart)->Output(), "out\n");
  EXPECT_EQ((*apart)->Errors(), "err\n");
}

TEST_F(ProgramTest, HasNoDescriptorButTheFifth) {
  const int inherited = fcntl(0, F_DUPFD, 20);
  ASSERT_GE(inherited, 20);
  const std::string script = "cat <&5; for fd in 3 4 5 " + std::to_string(inherited) +
                             "; do test -e /proc/$$/fd/$fd && echo $fd; done; true";
  auto program = Run(script, false, "said\n");
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ((*program)->Wait(), 0);
  EXPECT_EQ((*program)->Output(), "said\n5\n");
  close(inherited);
}

}  // namespace
}  // namespace madoguchi::conformance
