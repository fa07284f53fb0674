// Against the kernel. It needs a control group that is delegated to it and holds nothing else: init
// of sdk/sim/uml makes one.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "host/loader/plugin_slot_fixture.h"
#include "sdk/launch/control_groups.h"
#include "sdk/launch/jail/jailed_process.h"

namespace madoguchi {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

constexpr int kMemory = 64, kThreads = 32;

std::string Text(const std::string& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

// The folder of the group of a process.
std::string GroupOf(const std::string& pid) {
  std::string group = Text("/proc/" + pid + "/cgroup");
  group = group.substr(group.find("0::") + 3);
  return "/sys/fs/cgroup" + group.substr(0, group.find('\n'));
}

class RealControlGroupsTest : public PluginSlotFixture {
 protected:
  void SetUp() override {
    auto groups = ControlGroups::TakeOver();
    ASSERT_TRUE(groups.ok()) << groups.status();
    groups_ = *std::move(groups);
    own_ = GroupOf("self");
    all_ = std::filesystem::path(own_).parent_path();
  }

  // Runs an attempt of the hostile program in a group of its own. What it wrote.
  std::string Attempt(const std::string& what, ControlGroup& group) {
    Jail jail;
    jail.name = what;
    jail.memory_mib = kMemory;
    jail.threads = kThreads;
    jail.grouped = true;
    const Fd program(JailedProcess::SealedCopy(MADOGUCHI_HOSTILE));
    auto spawned = Spawn(LauncherArguments(MADOGUCHI_LAUNCHER, jail, kProgramFd, getpid()),
                         program.get(), jail.pin_lane, jail.notices, group.entrance());
    EXPECT_TRUE(spawned.ok()) << spawned.status();
    spawned_ = *std::move(spawned);
    std::string log;
    pollfd watched{spawned_.log.get(), POLLIN, 0};
    char part[4096];
    while (log.find("here") == log.npos && poll(&watched, 1, 60000) > 0) {
      const ssize_t size = read(spawned_.log.get(), part, sizeof(part));
      if (size <= 0) break;
      log.append(part, static_cast<size_t>(size));
    }
    return log;
  }
  // Its exit status, or minus the signal that killed it.
  int Bury() {
    int status = 0;
    waitpid(spawned_.pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  std::unique_ptr<ControlGroup> Make() {
    auto group = groups_->Make("hostile", kMemory, kThreads);
    EXPECT_TRUE(group.ok()) << group.status();
    return *std::move(group);
  }
  int Groups() {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(all_))
      count += entry.is_directory();
    return count;
  }

  std::shared_ptr<const ControlGroups> groups_;
  std::string own_, all_;
  Spawned spawned_;
};

TEST_F(RealControlGroupsTest, TheHostIsInOneOfItsOwn) {
  EXPECT_THAT(own_, EndsWith("/host"));
  EXPECT_THAT(Text(all_ + "/cgroup.subtree_control"), HasSubstr("memory pids"));
  EXPECT_EQ(Groups(), 1);
}

TEST_F(RealControlGroupsTest, APluginIsInItsGroupFromItsFirstPage) {
  auto group = Make();
  EXPECT_THAT(Attempt("wait", *group), HasSubstr("here"));
  const std::string folder = GroupOf(std::to_string(spawned_.pid));
  EXPECT_THAT(folder, HasSubstr("/plugin-hostile-"));
  EXPECT_EQ(Text(folder + "/memory.max"), std::to_string(kMemory << 20) + "\n");
  EXPECT_EQ(Text(folder + "/pids.max"), std::to_string(kThreads) + "\n");
  EXPECT_EQ(Text(folder + "/memory.oom.group"), "1\n");
  // With its group it ends, and with it the group.
  group.reset();
  EXPECT_EQ(Bury(), -SIGKILL);
  EXPECT_EQ(Groups(), 1);
}

TEST_F(RealControlGroupsTest, WhoWantsMoreMemoryIsKilled) {
  auto group = Make();
  EXPECT_EQ(Attempt("fill-memory", *group), "");
  EXPECT_EQ(Bury(), -SIGKILL);
  EXPECT_TRUE(group->RanOutOfMemory());
  group.reset();
  EXPECT_EQ(Groups(), 1);
}

TEST_F(RealControlGroupsTest, WhatIsReservedAndNotUsedIsNoMemory) {
  auto group = Make();
  EXPECT_THAT(Attempt("memory", *group), HasSubstr("DONE IT"));
  EXPECT_EQ(Bury(), 0);
  EXPECT_FALSE(group->RanOutOfMemory());
}

TEST_F(RealControlGroupsTest, ThreadsAreCounted) {
  auto group = Make();
  EXPECT_THAT(Attempt("threads", *group), HasSubstr("denied: EAGAIN"));
  Bury();
}

TEST_F(RealControlGroupsTest, WhatAKilledHostLeftIsRemoved) {
  auto group = Make();
  EXPECT_THAT(Attempt("wait", *group), HasSubstr("here"));
  EXPECT_EQ(Groups(), 2);
  ASSERT_TRUE(ControlGroups::TakeOver().ok());
  EXPECT_EQ(Bury(), -SIGKILL);
  EXPECT_EQ(Groups(), 1);
}

TEST_F(RealControlGroupsTest, ThePluginListSaysThatMemoryEndedIt) {
  const std::string folder = Write("eats", "");
  const auto slot = Slot("eats", [this, folder] {
    PluginPlan plan;
    auto image = ReadPluginImage(folder);
    EXPECT_TRUE(image.ok()) << image.status();
    plan.image = std::make_shared<const PluginImage>(*std::move(image));
    plan.jail = *JailOf(plan.image->folder.manifest, {}, {});
    plan.jail.memory_mib = kMemory;
    plan.launcher = MADOGUCHI_LAUNCHER;
    plan.groups = groups_;
    return plan;
  });
  const auto is_told = [](const PluginRow& row) {
    return std::any_of(row.incident().begin(), row.incident().end(), [](const auto& one) {
      return one.what() == "killed for memory beyond 64 MiB";
    });
  };
  const PluginRow row = Await(*slot, is_told);
  EXPECT_TRUE(is_told(row)) << row.DebugString();
}

}  // namespace
}  // namespace madoguchi
