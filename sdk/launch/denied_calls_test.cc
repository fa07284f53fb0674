#include "sdk/launch/denied_calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <mutex>
#include <vector>

#include "sdk/launch/jail/jail.h"
#include "sdk/launch/jail/jailed_process.h"

namespace madoguchi {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class DeniedCallsTest : public testing::Test {
 protected:
  // Lets the hostile program attempt `what`. What it said of it.
  std::string Attempt(const std::string& what) {
    Jail jail;
    jail.name = what;
    jail.notices = true;
    const Fd program(JailedProcess::SealedCopy(MADOGUCHI_HOSTILE));
    auto spawned = Spawn(LauncherArguments(MADOGUCHI_LAUNCHER, jail, kProgramFd, getpid()),
                         program.get(), jail.pin_lane, jail.notices);
    EXPECT_TRUE(spawned.ok()) << spawned.status();
    std::string log;
    {
      DeniedCalls denied(std::move(spawned->notices), jail, [this](const std::string& call) {
        std::lock_guard<std::mutex> lock(mutex_);
        told_.push_back(call);
      });
      pollfd watched{spawned->log.get(), POLLIN, 0};
      char part[4096];
      while (poll(&watched, 1, 20000) > 0) {
        const ssize_t size = read(spawned->log.get(), part, sizeof(part));
        if (size <= 0) break;
        log.append(part, static_cast<size_t>(size));
      }
    }
    kill(spawned->pid, SIGKILL);
    waitpid(spawned->pid, nullptr, 0);
    return log;
  }
  std::vector<std::string> told() {
    std::lock_guard<std::mutex> lock(mutex_);
    return told_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> told_;
};

TEST_F(DeniedCallsTest, ACallThatTheJailDeniesIsToldOfAndGivesEperm) {
  EXPECT_EQ(Attempt("trace " + std::to_string(getpid())), "denied: EPERM\n");
  EXPECT_THAT(told(), ElementsAre("tried ptrace, which its jail denies"));
}

TEST_F(DeniedCallsTest, SocketsAndProcessesToo) {
  EXPECT_EQ(Attempt("tcp"), "denied: EPERM\n");
  EXPECT_EQ(Attempt("fork"), "denied: EPERM\n");
  EXPECT_THAT(told(), ElementsAre("tried socket, which its jail denies",
                                  "tried clone, which its jail denies"));
}

TEST_F(DeniedCallsTest, WhatIsAllowedIsNotToldOf) {
  EXPECT_EQ(Attempt("thread"), "DONE IT\n");
  EXPECT_THAT(told(), IsEmpty());
}

}  // namespace
}  // namespace madoguchi
