#include "host/loader/backoff.h"

#include <gtest/gtest.h>

namespace madoguchi {
namespace {

using namespace std::chrono_literals;

class BackoffTest : public testing::Test {
 protected:
  // It is started, lives for `life`, and ends.
  std::chrono::milliseconds Live(std::chrono::milliseconds life) {
    const Backoff::Time born = now_;
    now_ += life;
    const auto wait = backoff_.Ended(born, now_);
    now_ += wait;
    return wait;
  }

  double random_ = 0;
  Backoff backoff_{Backoff::Limits(), [this] { return random_; }};
  Backoff::Time now_{};
};

TEST_F(BackoffTest, WaitsTwiceAsLongEachTime) {
  for (const auto wait : {1s, 2s, 4s, 8s}) EXPECT_EQ(Live(10ms), wait);
  EXPECT_FALSE(backoff_.quarantined());
}

TEST_F(BackoffTest, TheFifthEndInThreeMinutesIsQuarantine) {
  for (int i = 0; i < 4; ++i) Live(10ms);
  EXPECT_FALSE(backoff_.quarantined());
  EXPECT_EQ(Live(10ms), 60s);
  EXPECT_TRUE(backoff_.quarantined());
  // One try a minute, however many minutes.
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Live(10ms), 60s);
}

TEST_F(BackoffTest, EndsThatAreFarApartAreNoQuarantine) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(Live(61s), 1s) << "one that lived for a minute is as good as new";
    EXPECT_FALSE(backoff_.quarantined());
  }
  Backoff::Limits limits;
  limits.longest = 4s;
  Backoff slow(limits, [] { return 0.0; });
  Backoff::Time now{};
  for (int i = 0; i < 20; ++i) {
    now += 46s;  // five ends in more than three minutes
    slow.Ended(now - 1s, now);
    EXPECT_FALSE(slow.quarantined());
  }
}

TEST_F(BackoffTest, ALongLifeEndsTheQuarantine) {
  for (int i = 0; i < 6; ++i) Live(10ms);
  ASSERT_TRUE(backoff_.quarantined());
  EXPECT_EQ(Live(170s), 60s);
  EXPECT_TRUE(backoff_.quarantined());
  EXPECT_EQ(Live(180s), 1s);
  EXPECT_FALSE(backoff_.quarantined());
}

TEST_F(BackoffTest, AnAdminsWordMakesItNew) {
  for (int i = 0; i < 6; ++i) Live(10ms);
  backoff_.Forget();
  EXPECT_FALSE(backoff_.quarantined());
  EXPECT_EQ(Live(10ms), 1s);
}

TEST_F(BackoffTest, AddsAQuarterAtMost) {
  random_ = 1;
  EXPECT_EQ(Live(10ms), 1250ms);
  random_ = 0.5;
  EXPECT_EQ(Live(10ms), 2250ms);
  random_ = 7;
  EXPECT_EQ(Live(10ms), 5s);
}

}  // namespace
}  // namespace madoguchi
