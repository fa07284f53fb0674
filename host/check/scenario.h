#ifndef MADOGUCHI_HOST_CHECK_SCENARIO_H_
#define MADOGUCHI_HOST_CHECK_SCENARIO_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "host/check/check.h"
#include "host/check/fake_screens.h"

// What the tests of checks share.
namespace madoguchi {

using namespace check::v1;  // NOLINT: the codes.
using namespace desk::v1;   // NOLINT: the stages.
using namespace std::chrono_literals;
using fake::ByPin;
using fake::ByVisualMatch;
using fake::MakeCard;
using fake::Paper;
using fake::Script;

inline constexpr char kCheckId[] = "00112233445566778899aabbccddeeff";

inline sim::Faults Tries(int left) {
  sim::Faults faults;
  faults.tries_left = left;
  return faults;
}

inline sim::Faults NoShortIds() {
  sim::Faults faults;
  faults.no_short_ef = 0x6A86;
  return faults;
}

inline sim::Faults Flipped() {
  sim::Faults faults;
  faults.flipped_signature = true;
  return faults;
}

// One check of one patient at one counter with one reader.
struct Scenario {
  fake::FakeWorld fake;
  std::stop_source cancel;
  fake::FakeScreens screens{fake.table, cancel.get_token()};
  fake::Policy::Flow flow = ByPin();
  Check::Subject subject{kCheckId, "1", "pin", {"virtual/a"}, 0};
  std::vector<std::shared_ptr<fake::Stay>> stays;
  Record record;

  Scenario() {
    fake.readers.Plug("a");
    fake.world.limits.no_reader = 1ms;
    fake.world.limits.apdu = 20ms;
    fake.world.limits.card = 200ms;
  }

  fake::Stay& Lay(std::unique_ptr<sim::Card> card = MakeCard(), bool lying = false) {
    stays.push_back(fake.readers.Lay("a", std::move(card), lying));
    return *stays.back();
  }
  // Lays the card when the check asks for it, after the PIN.
  void LayLate(Paper paper = Paper::kGood, const sim::Faults& faults = {}) {
    screens.when[STAGE_LAY_CARD] = [this, paper, faults] { Lay(MakeCard(paper, faults)); };
  }

  Verdict Run() {
    fake::Policy policy(flow);
    Verdict verdict;
    {
      Check check(fake.world, policy, screens, subject, cancel.get_token());
      verdict = check.Run();
      record = check.record();
    }
    CheckEveryCard();
    return verdict;
  }

  int Verifies() const {
    int count = 0;
    for (const auto& stay : stays) {
      count += std::count(stay->trace.begin(), stay->trace.end(), "VERIFY");
    }
    return count;
  }

  // What holds for every check, however it ends.
  void CheckEveryCard() {
    for (const auto& stay : stays) {
      if (!stay->trace.empty()) {
        EXPECT_EQ(stay->trace.back(), "RESET");
      }
    }
    EXPECT_LE(Verifies(), screens.pins_taken) << "a VERIFY that nobody typed";
    ASSERT_GT(record.entry_size(), 0);
    EXPECT_TRUE(record.entry(record.entry_size() - 1).has_verdict());
  }
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_CHECK_SCENARIO_H_
