#include "readers/bluetooth/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace madoguchi::bluetooth {
namespace {

using namespace std::chrono_literals;

class NoSource final : public PollLoop::Source {
 public:
  PollLoop::Wanted Turn() override {
    ++turns;
    return {};
  }
  int turns = 0;
};

TEST(PollLoop, CallsWhatIsPostedAndWhatIsDue) {
  PollLoop loop;
  NoSource source;
  std::vector<int> called;
  loop.After(20ms, [&] { called.push_back(3); });
  loop.After(10ms, [&] {
    called.push_back(2);
    loop.After(0ms, [&] { called.push_back(7); });
  });
  const auto never = loop.After(15ms, [&] { called.push_back(99); });
  loop.Cancel(never);
  loop.After(40ms, [&] { loop.Stop(); });
  std::thread other([&] { loop.Post([&] { called.push_back(1); }); });
  other.join();
  loop.Run(source);
  EXPECT_THAT(called, testing::ElementsAre(1, 2, 7, 3));
}

TEST(PollLoop, SleepsWhileNothingHappens) {
  PollLoop loop;
  NoSource source;
  loop.After(300ms, [&] { loop.Stop(); });
  loop.Run(source);
  EXPECT_LT(source.turns, 6);
}

TEST(Timer, MayStartItselfAnewAndEndsWithItsOwner) {
  PollLoop loop;
  NoSource source;
  int called = 0;
  auto timer = std::make_unique<Timer>(loop);
  const std::function<void()> again = [&] {
    if (++called < 3) return timer->Start(1ms, again);
    timer.reset();  // in its own callback
    loop.After(20ms, [&] { loop.Stop(); });
  };
  timer->Start(1ms, again);
  EXPECT_TRUE(timer->running());
  Timer forgotten(loop);
  forgotten.Start(1ms, [&] { called += 100; });
  forgotten.Start(10ms, [&] { called += 10; });
  forgotten.Stop();
  loop.Run(source);
  EXPECT_EQ(called, 3);
}

TEST(Leash, WhatIsCutDoesNothing) {
  int called = 0;
  std::function<void(int)> before, after;
  {
    Leash leash;
    before = leash.Wrap(std::function<void(int)>([&](int by) { called += by; }));
    leash.Cut();
    after = leash.Wrap(std::function<void(int)>([&](int by) { called += 10 * by; }));
    before(1);
    after(1);
    EXPECT_EQ(called, 10);
  }
  after(1);
  EXPECT_EQ(called, 10);
}

}  // namespace
}  // namespace madoguchi::bluetooth
