// A PIN is nowhere after its check, however the check ended.
#include <gtest/gtest.h>

#include "tests/leak/cases.h"

namespace madoguchi::leak {
namespace {

class Leak : public testing::TestWithParam<Case> {};

TEST_P(Leak, NoHit) {
  const Findings findings = GetParam().run();
  std::printf("%s\n", Row(GetParam().name, findings).c_str());
  EXPECT_GE(findings.size(), 4u);
  for (const auto& [name, found] : findings) {
    EXPECT_TRUE(found.hits.empty()) << name << ": " << found.Text();
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Leak, testing::ValuesIn(Cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace madoguchi::leak
