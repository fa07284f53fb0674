#include "sdk/sim/pn532/faults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace madoguchi::pn532 {
namespace {

TEST(ParseFault, TakesTheTable) {
  const auto status = ParseFault("status=2b@17");
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->name, Fault::Name::kStatus);
  EXPECT_EQ(status->number, 0x2Bu);
  EXPECT_EQ(status->at, 17u);
  EXPECT_EQ(ParseFault("stray=00FF55")->bytes, (Bytes{0x00, 0xFF, 0x55}));
  EXPECT_EQ(ParseFault("unplug")->number, 0u);
  EXPECT_EQ(ParseFault("unplug=250")->number, 250u);
  EXPECT_EQ(ParseFault("hang")->at, std::nullopt);
}

TEST(ParseFault, SaysWhatItExpected) {
  for (const char* wrong :
       {"", "hung", "hang=1", "status", "status=1", "status=100", "status=xx", "stray=", "stray=0",
        "latency", "latency=-1", "latency=600001", "hang@", "hang@0", "hang@x", "unplug=x"}) {
    EXPECT_EQ(ParseFault(wrong).status().code(), absl::StatusCode::kInvalidArgument) << wrong;
  }
  EXPECT_THAT(std::string(ParseFault("status").status().message()),
              testing::HasSubstr("status=XX"));
}

}  // namespace
}  // namespace madoguchi::pn532
