#include "tests/flows/faults/house.h"

#include <gtest/gtest.h>

namespace madoguchi::clinic {
namespace {

std::unique_ptr<Clinic> clinic;

class OpenHouse : public testing::Environment {
 public:
  void SetUp() override {
    std::vector<Patient> patients;
    for (int i = 0; i < kWindows; ++i) patients.push_back({"p" + std::to_string(i)});
    clinic = MakeFlowClinic(kWindows, patients);
    clinic->Start();
  }
  void TearDown() override { clinic.reset(); }
};

const auto* const house = testing::AddGlobalTestEnvironment(new OpenHouse);

}  // namespace

Clinic& House() { return *clinic; }

Window At(int number) { return Window(House(), number, "p" + std::to_string(number)); }

int ApdusOfPinCheck() {
  static const int count = [] {
    Window window = At(0);
    window.BeginByPin();
    window.Lay();
    EXPECT_EQ(window.staff().AwaitVerdict().outcome(), check::v1::OUTCOME_ELIGIBLE);
    return Number(window.card(), "apdus");
  }();
  return count;
}

}  // namespace madoguchi::clinic
