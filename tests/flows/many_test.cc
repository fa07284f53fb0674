// 32 counters at once. MADOGUCHI_ROUNDS says how often; MADOGUCHI_SEED what differs from round to
// round.
#include <random>
#include <thread>

#include "tests/flows/lane.h"

namespace madoguchi::clinic {
namespace {

constexpr int kCounters = 32;

TEST(Many, ChecksAtOnceGetEachItsOwnAnswer) {
  const int rounds = FromEnvironment("MADOGUCHI_ROUNDS", 2);
  const uint32_t seed = static_cast<uint32_t>(FromEnvironment("MADOGUCHI_SEED", 1));
  SCOPED_TRACE("MADOGUCHI_SEED=" + std::to_string(seed));
  Clinic::Options options;
  options.readers = kCounters;
  options.patients = PatientsOf(kCounters);
  auto clinic = Clinic::Make(options);
  clinic->Start();
  std::vector<std::unique_ptr<Lane>> lanes;
  for (int i = 0; i < kCounters; ++i) lanes.push_back(std::make_unique<Lane>(*clinic, i));
  std::mt19937 dice(seed);
  for (int round = 0; round < rounds && !testing::Test::HasFailure(); ++round) {
    std::vector<std::jthread> people;
    for (const auto& lane : lanes) {
      people.emplace_back([&lane, number = dice()] { lane->Round(number); });
    }
  }
  EXPECT_FALSE(clinic->host().Wait(std::chrono::milliseconds(0)).has_value()) << "the host ended";
}

}  // namespace
}  // namespace madoguchi::clinic
