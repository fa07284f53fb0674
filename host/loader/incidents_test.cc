#include "host/loader/incidents.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace madoguchi {
namespace {

TEST(Incidents, AreCountedAndTheNewestIsLast) {
  std::string now = "2030-02-17T09:00:00Z";
  Incidents incidents([&] { return now; });
  incidents.Add("answered too much");
  incidents.Add("knocked");
  now = "2030-02-17T09:00:01Z";
  incidents.Add("answered too much");
  const auto list = incidents.list();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].what(), "knocked");
  EXPECT_EQ(list[0].times(), 1u);
  EXPECT_EQ(list[1].what(), "answered too much");
  EXPECT_EQ(list[1].times(), 2u);
  EXPECT_EQ(list[1].last(), now);
}

// What came first is what an admin looks for, and what came last: trifles push neither out.
TEST(Incidents, OfManyTheFirstAndTheNewestStay) {
  std::string now = "2030-02-17T09:00:00Z";
  Incidents incidents([&] { return now; });
  for (int i = 0; i < 100; ++i) {
    if (i == 70) now = "2030-02-17T09:00:01Z";
    incidents.Add("tried " + std::to_string(i));
  }
  const auto list = incidents.list();
  ASSERT_EQ(list.size(), Incidents::kMost);
  EXPECT_EQ(list[0].what(), "did other things, which are left out here");
  EXPECT_EQ(list[0].times(), 61u);
  EXPECT_EQ(list[0].last(), now);
  for (size_t i = 0; i < 20; ++i) EXPECT_EQ(list[1 + i].what(), "tried " + std::to_string(i));
  for (size_t i = 0; i < 19; ++i) EXPECT_EQ(list[21 + i].what(), "tried " + std::to_string(81 + i));
}

TEST(Incidents, OneOfTheFirstStaysHoweverOftenAndLateItComesAgain) {
  Incidents incidents([] { return ""; });
  const auto add = [&](int from, int to) {
    for (int i = from; i < to; ++i) incidents.Add("tried " + std::to_string(i));
  };
  incidents.Add("wicked");
  add(0, 50);
  incidents.Add("wicked");
  EXPECT_EQ(incidents.list().back().what(), "wicked");
  EXPECT_EQ(incidents.list().back().times(), 2u);
  add(50, 100);
  const auto list = incidents.list();
  EXPECT_EQ(list.size(), Incidents::kMost);
  EXPECT_TRUE(std::any_of(list.begin(), list.end(),
                          [](const auto& one) { return one.what() == "wicked"; }));
}

TEST(Incidents, NoneIsLeftOutWithoutNeed) {
  Incidents incidents([] { return ""; });
  for (int i = 0; i < 39; ++i) incidents.Add("tried " + std::to_string(i));
  EXPECT_EQ(incidents.list().size(), 39u);
  EXPECT_EQ(incidents.list().front().what(), "tried 0");
}

TEST(Incidents, NoneColoursATerminal) {
  Incidents incidents([] { return ""; });
  incidents.Add("said \x1b[31m");
  EXPECT_EQ(incidents.list().front().what(), "said ?[31m");
}

}  // namespace
}  // namespace madoguchi
