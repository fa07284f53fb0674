#ifndef MADOGUCHI_TESTS_FLOWS_LANE_H_
#define MADOGUCHI_TESTS_FLOWS_LANE_H_

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "sdk/failure/failure.h"
#include "tests/flows/flow.h"

// Many counters at once, each with its own reader, card, patient and answer.
namespace madoguchi::clinic {

// A number from the environment, for tests that are run longer or otherwise.
inline int FromEnvironment(const char* name, int otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

// The patients of so many lanes: each has another PIN, and the authority says another thing of
// each.
std::vector<Patient> PatientsOf(int lanes);

// One counter, its people and what they do in one round.
class Lane {
 public:
  // Lays the lane's card down, and takes it away again.
  Lane(Clinic& clinic, int counter);

  // One whole check, by PIN or by eyes, with the card there before or after, as `dice` says; and
  // the card is gone when it returns.
  void Round(uint32_t dice);

 private:
  void ExpectRightAnswer();

  Clinic& clinic_;
  const int counter_;
  int verifies_ = 0;
  std::unique_ptr<Screen> staff_, patient_;
  std::unique_ptr<Card> card_;
};

}  // namespace madoguchi::clinic

#endif  // MADOGUCHI_TESTS_FLOWS_LANE_H_
