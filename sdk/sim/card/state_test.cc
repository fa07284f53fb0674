#include "sdk/sim/card/state.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "sdk/sim/card/files.h"
#include "sdk/sim/card/hex.h"
#include "sdk/sim/card/memory_card.h"

namespace madoguchi::sim {
namespace {

using Verdict = State::Verdict;

class StateTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/madoguchi-state-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    path_ = folder_ + "/state";
  }
  void TearDown() override {
    unlink(path_.c_str());
    EXPECT_EQ(rmdir(folder_.c_str()), 0);  // No partial file is left.
  }

  std::string folder_;
  std::string path_;
};

TEST_F(StateTest, ABlockedCardStaysBlocked) {
  State state = State::At(path_);
  state.set_serial(7);
  ASSERT_TRUE(state.Set("pin", TextBytes("1234"), 2).ok());
  EXPECT_EQ(state.Verify("pin", TextBytes("0000")), Verdict::kWrong);
  EXPECT_EQ(State::Load(path_)->TriesLeft("pin"), 1);
  EXPECT_EQ(state.Verify("pin", TextBytes("0000")), Verdict::kWrong);
  EXPECT_EQ(state.Verify("pin", TextBytes("1234")), Verdict::kBlocked);

  absl::StatusOr<State> again = State::Load(path_);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->serial(), 7u);
  EXPECT_EQ(again->TriesLeft("pin"), 0);
  EXPECT_EQ(again->TriesAtMost("pin"), 2);
  // A new value does not unblock it either.
  ASSERT_TRUE(again->Set("pin", TextBytes("5678"), 2).ok());
  EXPECT_EQ(again->Verify("pin", TextBytes("5678")), Verdict::kBlocked);
  ASSERT_TRUE(again->SetTriesLeft("pin", 1).ok());
  EXPECT_EQ(again->Verify("pin", TextBytes("5678")), Verdict::kRight);
  EXPECT_EQ(State::Load(path_)->TriesLeft("pin"), 2);
}

TEST_F(StateTest, HoldsNoSecretInClear) {
  const std::string pin = "a canary: 16 b.!";
  State state = State::At(path_);
  ASSERT_TRUE(state.Set("pin", TextBytes(pin), 3).ok());
  EXPECT_TRUE(state.Matches("pin", TextBytes(pin)));
  const std::string text = *ReadFile(path_);
  EXPECT_EQ(text.find(pin), std::string::npos);
  EXPECT_EQ(text.find(ToHex(TextBytes(pin))), std::string::npos);
  // The same value twice gives different hashes.
  ASSERT_TRUE(state.Set("pin", TextBytes(pin), 3).ok());
  EXPECT_NE(*ReadFile(path_), text);
}

TEST_F(StateTest, Lengths) {
  State state = State::At(path_);
  EXPECT_FALSE(state.Set("pin", TextBytes(""), 3).ok());
  EXPECT_FALSE(state.Set("pin", TextBytes("12345678901234567"), 3).ok());
  EXPECT_TRUE(state.Set("pin", TextBytes("1"), 3).ok());
  EXPECT_TRUE(state.Set("pin", TextBytes("1234567890123456"), 3).ok());
  EXPECT_FALSE(state.SetTriesLeft("pin", 4).ok());
  EXPECT_FALSE(state.SetTriesLeft("pin", -1).ok());
  EXPECT_FALSE(state.SetTriesLeft("other", 1).ok());
}

TEST_F(StateTest, DamageNamesTheLine) {
  EXPECT_TRUE(absl::IsNotFound(State::Load(path_).status()));
  const struct {
    const char* text;
    const char* line;
  } rows[] = {
      {"something else\n", ":1:"},
      {"madoguchi-card-state 1\nserial x\n", ":2:"},
      {"madoguchi-card-state 1\nserial 1\nsecret pin tries 4 of 3 iterations 1 salt 00 digest 00\n",
       ":3:"},
      {"madoguchi-card-state 1\nserial 1\nhello\n", ":3:"},
  };
  for (const auto& row : rows) {
    std::ofstream(path_) << row.text;
    const absl::Status status = State::Load(path_).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << row.text;
    EXPECT_NE(status.message().find(row.line), absl::string_view::npos) << status.message();
  }
}

}  // namespace
}  // namespace madoguchi::sim
