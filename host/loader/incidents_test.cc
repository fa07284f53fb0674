#include "host/loader/incidents.h"

#include <gtest/gtest.h>

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

TEST(Incidents, OfManyTheOldestMakeRoomAndNoneColoursATerminal) {
  Incidents incidents([] { return ""; });
  for (int i = 0; i < 100; ++i) incidents.Add("said \x1b[31m" + std::to_string(i));
  const auto list = incidents.list();
  ASSERT_EQ(list.size(), Incidents::kMost);
  EXPECT_EQ(list.front().what(), "said ?[31m60");
  EXPECT_EQ(list.back().what(), "said ?[31m99");
}

}  // namespace
}  // namespace madoguchi
