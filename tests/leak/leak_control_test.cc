// The search is no blind one: in programs that wipe nothing it finds the PIN.
#include <gtest/gtest.h>

#include <map>

#include "tests/leak/cases.h"

namespace madoguchi::leak {
namespace {

std::map<std::string, size_t> HitsAfter(const std::string& name) {
  std::map<std::string, size_t> hits;
  for (const Case& one : Cases()) {
    if (one.name != name) continue;
    const Findings findings = one.run();
    std::printf("%s\n", Row("wiping nothing, " + name, findings).c_str());
    for (const auto& [where, found] : findings) {
      hits[where] = found.hits.size();
      if (!found.hits.empty()) std::printf("  %s: %s\n", where.c_str(), found.Text().c_str());
    }
  }
  return hits;
}

// Every program through which a PIN goes, and no other.
TEST(LeakControl, SuccessIsFoundOut) {
  auto hits = HitsAfter("Success");
  for (const std::string& program :
       {std::string("madoguchi"), std::string("madoguchid"), ReaderName()}) {
    EXPECT_GT(hits[program], 0u) << program;
    hits.erase(program);
  }
  for (const auto& [where, count] : hits) EXPECT_EQ(count, 0u) << where;
}

TEST(LeakControl, APatientsScreenIsFoundOut) {
  EXPECT_GT(HitsAfter("PatientsScreen")["madoguchi"], 0u);
}

TEST(LeakControl, AWrongPinIsFoundOut) {
  auto hits = HitsAfter("WrongPin");
  EXPECT_GT(hits["madoguchid"], 0u);
  EXPECT_GT(hits[ReaderName()], 0u);
}

TEST(LeakControl, ACancelIsFoundOut) {
  auto hits = HitsAfter("Cancelled");
  EXPECT_GT(hits["madoguchi"], 0u);
  EXPECT_GT(hits["madoguchid"], 0u);
  EXPECT_EQ(hits[ReaderName()], 0u) << "no card, no VERIFY";
}

TEST(LeakControl, ACrashIsFoundOut) {
  auto hits = HitsAfter("ScreenAborted");
  EXPECT_GT(hits["madoguchi"], 0u);
  EXPECT_GT(hits["madoguchid"], 0u);
}

}  // namespace
}  // namespace madoguchi::leak
