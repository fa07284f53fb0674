// The files that the kernel would have, in a folder. That they do what they say, a User Mode Linux
// kernel shows: sdk/sim/uml.

#include "sdk/launch/control_groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace madoguchi {
namespace {

using testing::HasSubstr;

class ControlGroupsTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/madoguchi-groups-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    top_ = folder;
    group_ = top_ + "/system.slice/madoguchid.service";
    std::filesystem::create_directories(group_ + "/host");
    std::filesystem::create_directories(group_ + "/plugin-left-7");
    Put(group_ + "/cgroup.controllers", "cpu memory pids\n");
    Put(group_ + "/cgroup.procs", std::to_string(getpid()) + "\n");
    Put(group_ + "/cgroup.subtree_control", "");
    Put(group_ + "/host/cgroup.procs", "");
    Put(top_ + "/membership", "4:memory:/elsewhere\n0::/system.slice/madoguchid.service\n");
    Put(top_ + "/mounts", "22 1 0:20 / /proc rw - proc proc rw\n30 1 0:26 / " + top_ +
                              " rw,nosuid shared:9 - cgroup2 cgroup2 rw\n");
    system_ = {top_ + "/membership", top_ + "/mounts", top_ + "/no-systemd"};
  }
  void TearDown() override { std::filesystem::remove_all(top_); }

  static void Put(const std::string& file, const std::string& text) { std::ofstream(file) << text; }
  static std::string Get(const std::string& file) {
    std::stringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  }
  // The group that the next life gets: the kernel makes its files with it.
  std::string NextGroup() {
    static int lives = 0;
    const std::string folder = group_ + "/plugin-policy_pin-" + std::to_string(++lives);
    std::filesystem::create_directories(folder);
    for (const char* file : {"cgroup.procs", "cgroup.kill", "memory.max", "memory.swap.max",
                             "memory.oom.group", "pids.max"}) {
      Put(folder + "/" + file, "");
    }
    Put(folder + "/memory.events", "low 0\nhigh 0\nmax 31\noom 1\noom_kill 0\n");
    return folder;
  }
  // Why it could not be taken over. Nothing was changed then.
  std::string Refused() {
    const auto groups = ControlGroups::TakeOver(system_);
    EXPECT_FALSE(groups.ok());
    EXPECT_EQ(Get(group_ + "/host/cgroup.procs"), "");
    return std::string(groups.status().message());
  }

  std::string top_, group_;
  ControlGroups::System system_;
};

TEST_F(ControlGroupsTest, TheHostMovesIntoOneOfItsOwnAndRemovesWhatIsLeft) {
  const auto groups = ControlGroups::TakeOver(system_);
  ASSERT_TRUE(groups.ok()) << groups.status();
  EXPECT_EQ(Get(group_ + "/host/cgroup.procs"), "0");
  EXPECT_EQ(Get(group_ + "/cgroup.subtree_control"), "+memory +pids");
  EXPECT_FALSE(std::filesystem::exists(group_ + "/plugin-left-7"));
}

TEST_F(ControlGroupsTest, AHostThatIsInPlaceStays) {
  Put(top_ + "/membership", "0::/system.slice/madoguchid.service/host\n");
  Put(group_ + "/cgroup.procs", "");
  const auto groups = ControlGroups::TakeOver(system_);
  ASSERT_TRUE(groups.ok()) << groups.status();
  EXPECT_EQ(Get(group_ + "/host/cgroup.procs"), "");
  EXPECT_EQ(Get(group_ + "/cgroup.subtree_control"), "+memory +pids");
}

TEST_F(ControlGroupsTest, OfATreeThatIsMountedFromWithin) {
  Put(top_ + "/mounts", "30 1 0:26 /machine " + top_ + " rw - cgroup2 cgroup2 rw\n");
  Put(top_ + "/membership", "0::/machine/system.slice/madoguchid.service\n");
  EXPECT_TRUE(ControlGroups::TakeOver(system_).ok());
}

TEST_F(ControlGroupsTest, ALifeGetsItsLimits) {
  const auto groups = ControlGroups::TakeOver(system_);
  ASSERT_TRUE(groups.ok()) << groups.status();
  const std::string folder = NextGroup();
  auto group = (*groups)->Make("policy_pin", 512, 256);
  ASSERT_TRUE(group.ok()) << group.status();
  EXPECT_EQ(Get(folder + "/memory.max"), "536870912");
  EXPECT_EQ(Get(folder + "/memory.swap.max"), "0");
  EXPECT_EQ(Get(folder + "/memory.oom.group"), "1");
  EXPECT_EQ(Get(folder + "/pids.max"), "256");
  ASSERT_EQ(write((*group)->entrance(), "0", 1), 1);
  EXPECT_EQ(Get(folder + "/cgroup.procs"), "0");
  EXPECT_FALSE((*group)->RanOutOfMemory());
  Put(folder + "/memory.events", "low 0\noom 1\noom_kill 2\noom_group_kill 1\n");
  EXPECT_TRUE((*group)->RanOutOfMemory());
  group->reset();
  EXPECT_EQ(Get(folder + "/cgroup.kill"), "1");
}

TEST_F(ControlGroupsTest, WithoutALimitThereIsNone) {
  const auto groups = ControlGroups::TakeOver(system_);
  ASSERT_TRUE(groups.ok()) << groups.status();
  const std::string folder = NextGroup();
  EXPECT_TRUE((*groups)->Make("policy_pin", 0, 256).ok());
  EXPECT_EQ(Get(folder + "/memory.max"), "max");
}

TEST_F(ControlGroupsTest, WhatIsNotDelegatedIsLeftAlone) {
  Put(system_.systemd, "");
  EXPECT_THAT(Refused(), HasSubstr("systemd has not delegated the control group " + group_));
  std::filesystem::remove(system_.systemd);
  Put(group_ + "/cgroup.procs", std::to_string(getpid()) + "\n1\n");
  EXPECT_THAT(Refused(), HasSubstr("holds other processes"));
  Put(group_ + "/cgroup.controllers", "cpu pids\n");
  EXPECT_THAT(Refused(), HasSubstr("the controller memory is not given to"));
  Put(top_ + "/membership", "0::/../other.service\n");
  EXPECT_THAT(Refused(), HasSubstr("in no control group of version 2"));
  Put(top_ + "/membership", "4:memory:/\n");
  EXPECT_THAT(Refused(), HasSubstr("in no control group of version 2"));
  Put(top_ + "/mounts", "30 1 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  EXPECT_THAT(Refused(), HasSubstr("in no control group of version 2"));
}

TEST_F(ControlGroupsTest, WithoutCountsOfThreadsMemoryIsHeldAlone) {
  Put(group_ + "/cgroup.controllers", "memory\n");
  ASSERT_TRUE(ControlGroups::TakeOver(system_).ok());
  EXPECT_EQ(Get(group_ + "/cgroup.subtree_control"), "+memory");
}

}  // namespace
}  // namespace madoguchi
