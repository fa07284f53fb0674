#include "sdk/sim/card/faults.h"

#include <gtest/gtest.h>

namespace madoguchi::sim {
namespace {

TEST(Faults, AllNamesAreTaken) {
  Faults faults;
  for (const char* text : {"pulled-before=1", "silent-from=2", "garbage-from=3", "slow=20",
                           "slow-signature=1000", "tries-left=0", "sign-tries-left=5",
                           "certificate=not-yet-valid", "unknown-ca", "flipped-signature",
                           "phone-token=iphone", "no-short-ef=6986", "foreign-card", "eof-6282"}) {
    const absl::Status status = AddFault(text, faults);
    EXPECT_TRUE(status.ok()) << status.message();
  }
  EXPECT_EQ(faults.pulled_before, 1u);
  EXPECT_EQ(faults.silent_from, 2u);
  EXPECT_EQ(faults.garbage_from, 3u);
  EXPECT_EQ(faults.slow.count(), 20);
  EXPECT_EQ(faults.slow_signature.count(), 1000);
  EXPECT_EQ(faults.tries_left, 0);
  EXPECT_EQ(faults.sign_tries_left, 5);
  EXPECT_EQ(faults.certificate, Faults::Certificate::kNotYetValid);
  EXPECT_EQ(faults.phone, Faults::Phone::kIphone);
  EXPECT_EQ(faults.no_short_ef, 0x6986);
  EXPECT_TRUE(faults.unknown_ca && faults.flipped_signature && faults.foreign_card &&
              faults.eof_6282);
}

TEST(Faults, OddOnesAreRefusedByName) {
  const struct {
    const char* text;
    const char* part;
  } rows[] = {
      {"", "no fault is called ''"},
      {"broken", "no fault is called 'broken'"},
      {"pulled-before", "pulled-before: expected a number"},
      {"pulled-before=0", "a number from 1"},
      {"silent-from=-1", "silent-from"},
      {"garbage-from=3x", "garbage-from"},
      {"slow=600001", "600000"},
      {"tries-left=4", "0 to 3"},
      {"certificate=old", "expired, not-yet-valid, absent or blank"},
      {"phone-token=", "android or iphone"},
      {"no-short-ef=9000", "6A82, 6A86 or 6986"},
      {"unknown-ca=1", "unknown-ca: expected no value"},
  };
  for (const auto& row : rows) {
    Faults faults;
    const absl::Status status = AddFault(row.text, faults);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << row.text;
    EXPECT_NE(std::string(status.message()).find(row.part), std::string::npos) << status.message();
  }
}

TEST(Faults, SameFiles) {
  Faults one;
  Faults other;
  ASSERT_TRUE(AddFault("slow=5", other).ok());
  EXPECT_TRUE(one.SameFiles(other));
  ASSERT_TRUE(AddFault("certificate=blank", other).ok());
  EXPECT_FALSE(one.SameFiles(other));
}

}  // namespace
}  // namespace madoguchi::sim
