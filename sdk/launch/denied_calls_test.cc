#include "sdk/launch/denied_calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "sdk/launch/attempt.h"
#include "sdk/launch/jail/jail.h"
#include "sdk/launch/jail/jailed_process.h"

namespace madoguchi {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kOutside[] = ", which is outside of its jail";

// As many as one message takes.
void SendDescriptors(int over) {
  constexpr int kMost = 253;
  char byte = 0;
  iovec one{&byte, 1};
  alignas(cmsghdr) char space[CMSG_SPACE(kMost * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &one;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof(space);
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(kMost * sizeof(int));
  EXPECT_EQ(sendmsg(over, &message, MSG_NOSIGNAL), 1);
}

class DeniedCallsTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/madoguchi-denied-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    // The plugin may be another user's in a room of its own.
    folder_ = folder;
    std::ofstream(folder_ + "/own") << "plugin.textproto";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Spawns the hostile program by `launcher`, to attempt `what`.
  void Launch(const std::string& launcher, const std::string& what) {
    jail_.name = what;
    jail_.notices = true;
    const Fd program(JailedProcess::SealedCopy(MADOGUCHI_HOSTILE));
    auto spawned = madoguchi::Spawn(LauncherArguments(launcher, jail_, kProgramFd, getpid()),
                                    program.get(), jail_.pin_lane, jail_.notices);
    ASSERT_TRUE(spawned.ok()) << spawned.status();
    spawned_ = *std::move(spawned);
  }
  void Listen() {
    denied_ = std::make_unique<DeniedCalls>(std::move(spawned_.notices), jail_,
                                            [this](const std::string& one) {
                                              std::lock_guard<std::mutex> lock(mutex_);
                                              told_.push_back(one);
                                            });
  }
  void Spawn(const std::string& what) {
    Launch(MADOGUCHI_LAUNCHER, what);
    Listen();
  }
  // What it wrote until `end`, or until its log is at an end.
  std::string Log(const std::string& end = "") {
    std::string log;
    pollfd watched{spawned_.log.get(), POLLIN, 0};
    char part[4096];
    while ((end.empty() || log.find(end) == log.npos) && poll(&watched, 1, 20000) > 0) {
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
  // What it said of the attempt.
  std::string Attempt(const std::string& what) {
    Spawn(what);
    const std::string log = Log();
    denied_.reset();
    kill(spawned_.pid, SIGKILL);
    Bury();
    return log;
  }
  std::vector<std::string> told() {
    std::lock_guard<std::mutex> lock(mutex_);
    return told_;
  }

  std::string folder_;
  Jail jail_;
  Spawned spawned_;
  std::unique_ptr<DeniedCalls> denied_;

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
  EXPECT_EQ(Attempt("read /usr/lib/os-release"), "DONE IT\n");
  EXPECT_EQ(Attempt("see /usr/lib/os-release"), "DONE IT\n");
  EXPECT_EQ(Attempt("see /usr"), "DONE IT\n");
  EXPECT_EQ(Attempt("read usr/../lib/../etc//ld.so.cache"), "DONE IT\n");
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(DeniedCallsTest, AFileOutsideOfTheJailIsNamed) {
  EXPECT_EQ(Attempt("read /etc/passwd"), "denied: ENOENT\n");
  EXPECT_EQ(Attempt("read usr/lib/../../etc/./group"), "denied: ENOENT\n");
  EXPECT_EQ(Attempt("list /etc"), "denied: EACCES\n");
  EXPECT_EQ(Attempt("see " + folder_ + "/own"), "denied: ENOENT\n");
  EXPECT_EQ(Attempt("link /proc/self/exe"), "denied: ENOENT\n");
  EXPECT_EQ(Attempt("read /proc/" + std::to_string(getpid()) + "/mem"), "denied: ENOENT\n");
  EXPECT_THAT(told(),
              ElementsAre(std::string("tried to open /etc/passwd") + kOutside,
                          std::string("tried to open /etc/group") + kOutside,
                          std::string("tried to open /etc") + kOutside,
                          "looked for " + folder_ + "/own" + kOutside,
                          std::string("tried to open /proc/self/exe") + kOutside,
                          "tried to open /proc/" + std::to_string(getpid()) + "/mem" + kOutside));
}

TEST_F(DeniedCallsTest, WithoutARoomToo) {
  jail_.without = {"room"};
  EXPECT_EQ(Attempt("read /etc/passwd"), "denied: EACCES\n");
  EXPECT_EQ(Attempt("read " + folder_ + "/own"), "denied: EACCES\n");
  EXPECT_THAT(told(), ElementsAre(std::string("tried to open /etc/passwd") + kOutside,
                                  "tried to open " + folder_ + "/own" + kOutside));
}

TEST_F(DeniedCallsTest, ASearchForWhatIsNowhereIsNoAttempt) {
  EXPECT_EQ(Attempt("read " + folder_ + "/nothing"), "denied: ENOENT\n");
  EXPECT_EQ(Attempt("read /etc/passwd/nothing"), "denied: ENOENT\n");
  EXPECT_EQ(Attempt("read /sys/devices/system/cpu/online"), "denied: ENOENT\n");
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(DeniedCallsTest, ALinkInTheJailLeadsNowhereElse) {
  std::filesystem::create_directory(folder_ + "/shown");
  std::filesystem::create_symlink(folder_ + "/own", folder_ + "/shown/link");
  jail_.read = {folder_ + "/shown"};
  EXPECT_EQ(Attempt("read " + folder_ + "/shown/link"), "denied: ENOENT\n");
  EXPECT_THAT(told(), ElementsAre("tried to open " + folder_ +
                                  "/shown/link, which leads outside of its jail"));
}

TEST_F(DeniedCallsTest, WritingIsNamed) {
  EXPECT_EQ(Attempt("create " + folder_ + "/new"), "denied: EPERM\n");
  EXPECT_EQ(Attempt("unlink " + folder_ + "/own"), "denied: EPERM\n");
  jail_.permissions.serial = "/dev/null";
  EXPECT_EQ(Attempt("create " + folder_ + "/new"), "denied: ENOENT\n");
  // The mount, for a host that is root; for another it is not its file either.
  EXPECT_THAT(Attempt("overwrite /usr/lib/os-release"),
              testing::AnyOf("denied: EROFS\n", "denied: EACCES\n"));
  EXPECT_EQ(Attempt("overwrite /dev/null"), "DONE IT\n");
  EXPECT_THAT(told(),
              ElementsAre("tried openat of " + folder_ + "/new, which its jail denies",
                          "tried unlink of " + folder_ + "/own, which its jail denies",
                          "tried to write " + folder_ + "/new" + kOutside,
                          "tried to write /usr/lib/os-release, which its jail lets it only read"));
}

TEST_F(DeniedCallsTest, ADeviceThatIsPluggedInAnewIsWhatWasGranted) {
  const std::string link = folder_ + "/device";
  std::filesystem::create_symlink("/dev/null", link);
  jail_.permissions.serial_of_settings = true;
  jail_.serial_devices = {link};
  const ShownPlaces shown(jail_);
  std::filesystem::remove(link);
  std::filesystem::create_symlink("/dev/zero", link);
  EXPECT_EQ(AttemptAt({link, jail::Wish::kWrite}, shown).Sentence(), "");
  EXPECT_NE(AttemptAt({"/dev/zero", jail::Wish::kWrite}, shown).Sentence(), "");
}

TEST_F(DeniedCallsTest, ADeviceOfTheSettingsIsOpenedByAnyNameAndNotTold) {
  std::filesystem::create_symlink("/dev/null", folder_ + "/device");
  jail_.permissions.serial_of_settings = true;
  jail_.serial_devices = {folder_ + "/device"};
  EXPECT_EQ(Attempt("device " + folder_ + "/device"), "DONE IT\n");
  EXPECT_THAT(told(), IsEmpty());
  // One that was not plugged in when the plugin began.
  jail_.serial_devices = {folder_ + "/absent"};
  EXPECT_EQ(Attempt("device " + folder_ + "/absent"), "denied: ENOENT\n");
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(DeniedCallsTest, SocketsOutsideOfTheJailAreNamed) {
  jail_.permissions.pcscd = true;
  EXPECT_EQ(Attempt("connect " + folder_ + "/own"), "denied: ENOENT\n");
  EXPECT_EQ(Attempt("connect-abstract madoguchi"), "denied: ECONNREFUSED\n");
  EXPECT_THAT(told(), ElementsAre("tried to connect to " + folder_ + "/own" + kOutside,
                                  std::string("tried to connect to the abstract socket madoguchi") +
                                      kOutside));
}

TEST_F(DeniedCallsTest, OneThatTriesWithoutEndIsSlowedDownAndToldOfSeldom) {
  const std::string log = Attempt("read-without-end /etc/passwd");
  const long times = std::atol(log.c_str());
  EXPECT_GT(times, 100) << log;
  // It may begin in the middle of a second.
  EXPECT_LE(times, 4 * DeniedCalls::kMostInASecond);
  const auto all = told();
  // In three seconds, or four that it began in the middle of.
  ASSERT_GT(all.size(), 2u);
  EXPECT_LE(all.size(), 4 * DeniedCalls::kMostRepeatsInASecond + 2u);
  EXPECT_EQ(all.front(), std::string("tried to open /etc/passwd") + kOutside);
  EXPECT_THAT(all, testing::Contains(testing::HasSubstr("is slowed down")).Times(1));
}

TEST_F(DeniedCallsTest, NothingIsBuriedUnderWhatIsToldAlready) {
  EXPECT_EQ(Attempt("bury /etc/passwd"), "denied: EPERM\n");
  const auto all = told();
  EXPECT_THAT(std::set<std::string>(all.begin(), all.end()),
              testing::UnorderedElementsAre("tried kill, which its jail denies",
                                            "tried mkdir of /made-0, which its jail denies",
                                            "tried mkdir of /made-1, which its jail denies",
                                            "tried mkdir of /made-2, which its jail denies",
                                            "tried mkdir of /made-3, which its jail denies",
                                            "tried mkdir of other files too",
                                            std::string("tried to open /etc/passwd") + kOutside,
                                            "tried ptrace, which its jail denies"));
}

TEST_F(DeniedCallsTest, WhoDoesMoreThanCanBeToldIsToldToDoSo) {
  EXPECT_EQ(Attempt("differ"), "denied: EPERM\n");
  const auto all = told();
  const std::set<std::string> different(all.begin(), all.end());
  EXPECT_EQ(different.size(), DeniedCalls::kMostTold + 1u);
  EXPECT_EQ(different.count("did more than is told of here"), 1u);
}

TEST_F(DeniedCallsTest, WhatIsAnsweredAsIfItWereNotThereIsNamedToo) {
  EXPECT_EQ(Attempt("openat2 /etc/passwd"), "denied: ENOSYS\n");
  EXPECT_EQ(Attempt("io_uring"), "denied: ENOSYS\n");
  // For a process; for a thread it is glibc's, which goes on with clone.
  EXPECT_EQ(Attempt("clone3"), "denied: ENOSYS\n");
  EXPECT_EQ(Attempt("thread"), "DONE IT\n");
  EXPECT_THAT(told(), ElementsAre("tried openat2 of /etc/passwd, which its jail denies",
                                  "tried io_uring_setup, which its jail denies",
                                  "tried clone3, which its jail denies"));
}

// As a plugin can leave them, which nobody receives: they count as those of the host's user.
TEST_F(DeniedCallsTest, StartsBesideManyDescriptorsInFlight) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const Fd here(ends[0]), there(ends[1]);
  for (int i = 0; i < 3; ++i) SendDescriptors(here.get());
  EXPECT_EQ(Attempt("trace " + std::to_string(getpid())), "denied: EPERM\n");
  EXPECT_THAT(told(), ElementsAre("tried ptrace, which its jail denies"));
}

TEST_F(DeniedCallsTest, WhoseHostMayTakeNothingRunsWithoutBeingToldOf) {
  Launch(MADOGUCHI_LAUNCHER, "trace " + std::to_string(getpid()));
  int number = -1;
  ASSERT_EQ(recv(spawned_.notices.socket.get(), &number, sizeof(number), 0), sizeof(number));
  ASSERT_EQ(send(spawned_.notices.socket.get(), "\0", 1, MSG_NOSIGNAL), 1);
  EXPECT_THAT(Log(), testing::AllOf(testing::HasSubstr("tells nobody which calls it denies"),
                                    testing::EndsWith("denied: EPERM\n")));
  EXPECT_EQ(Bury(), 0);
}

TEST_F(DeniedCallsTest, WhoseHostIsGoneCanStillEnd) {
  Spawn("read-after-host /usr/lib/os-release");
  EXPECT_EQ(Log("here\n"), "here\n");
  denied_.reset();
  spawned_.service.Reset();
  EXPECT_EQ(Log(), "denied: ENOSYS\n");
  EXPECT_EQ(Bury(), 0);
}

TEST_F(DeniedCallsTest, IsNotNeededToRunAPlugin) {
  // Stands in for a system that has no listeners.
  Launch(MADOGUCHI_OLD_KERNEL, "read /usr/lib/os-release");
  Listen();
  EXPECT_THAT(Log(), testing::AllOf(testing::HasSubstr("tells nobody which calls it denies"),
                                    testing::EndsWith("DONE IT\n")));
  EXPECT_FALSE(denied_->AwaitListening(std::chrono::seconds(10)));
  EXPECT_EQ(Bury(), 0);
}

}  // namespace
}  // namespace madoguchi
