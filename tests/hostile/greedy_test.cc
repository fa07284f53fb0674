// Plugins that take all they can get: memory, descriptors, processors, the log.
#include "tests/hostile/hostile_fixture.h"

namespace madoguchi::clinic {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(HostileTest, WhatEatsMemoryEndsItselfAlone) {
  Add("policy_eats");
  clinic_->Start();
  EXPECT_TRUE(Await([&] { return !Incidents("policy_eats").empty(); }));
  EXPECT_THAT(Incidents("policy_eats"),
              Contains(AllOf(HasSubstr("killed by Segmentation fault"),
                             HasSubstr("most of the 512 MiB of memory that it may have"))));
  ExpectChecksWork();
}

TEST_F(HostileTest, DescriptorsAreFew) {
  Add("policy_opens");
  clinic_->StartAuthority();
  clinic_->StartHost();
  const auto opened = Words("policy_opens", "opened");
  ASSERT_EQ(opened.size(), 1u);
  EXPECT_LE(std::stoi(*opened.begin()), 256);
}

TEST_F(HostileTest, AHoarderOfDescriptorsIsNamed) {
  Add("policy_hoards");
  AddMethod("policy_hoards");
  clinic_->Start();
  (void)Check("policy_hoards");
  EXPECT_TRUE(Await([&] { return !Incidents("policy_hoards").empty(); }));
  EXPECT_THAT(Incidents("policy_hoards"), Contains("took all 256 descriptors that it may have"));
  ExpectChecksWork();
}

// The figure of /proc/PID/status, in KiB.
long MemoryOf(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return std::stol(line.substr(6));
  }
  return -1;
}

TEST_F(HostileTest, AHundredMegabytesOfLogFillNothing) {
  Add("policy_floods");
  clinic_->Start();
  ExpectChecksWork();
  const auto flooded = [&] {
    const PluginRow row = clinic_->Plugin("policy_floods");
    return row.log_size() > 0 && row.log(row.log_size() - 1) == "flooded";
  };
  EXPECT_TRUE(Await(flooded, std::chrono::seconds(60)));
  EXPECT_LE(clinic_->Plugin("policy_floods").log_size(), 20);
  EXPECT_LT(MemoryOf(clinic_->host().pid()), 100 * 1024);
  EXPECT_THAT(Incidents("policy_floods"), ElementsAre(HasSubstr("of log in a second")));
}

TEST_F(HostileTest, ChecksGoOnBesideOneThatTakesAllTheTime) {
  Add("policy_spins");
  clinic_->Start();
  ExpectChecksWork();
  EXPECT_TRUE(Await([&] { return !Incidents("policy_spins").empty(); }, std::chrono::seconds(60)));
  EXPECT_THAT(Incidents("policy_spins"), Contains("took a whole processor for 10 s"));
}

}  // namespace
}  // namespace madoguchi::clinic
