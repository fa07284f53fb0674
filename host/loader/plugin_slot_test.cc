#include "host/loader/plugin_slot.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "host/loader/plugins.h"
#include "madoguchi/policy/v1/policy.grpc.pb.h"
#include "sdk/launch/launch.h"

namespace madoguchi {
namespace {

using desk::v1::PluginRow;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

class PluginSlotTest : public testing::Test {
 protected:
  PluginSlotTest() {
    patience_.run.start = 5s;
    patience_.run.stop = 300ms;
    patience_.backoff.first = 20ms;
    patience_.backoff.longest = 40ms;
    char folder[] = "/tmp/madoguchi-slot-XXXXXX";
    folder_ = mkdtemp(folder);
  }
  ~PluginSlotTest() override { std::filesystem::remove_all(folder_); }

  // The plugin's folder.
  std::string Write(const std::string& name, const std::string& version,
                    const std::string& program = MADOGUCHI_TEST_PLUGIN) {
    const std::string folder = folder_ + "/" + name;
    std::filesystem::create_directories(folder);
    std::ofstream(folder + "/plugin.textproto")
        << "name: '" << name << "' kind: " << kind_ << " version: '1.0" << version
        << "' binary: 'program'";
    std::filesystem::remove(folder + "/program");
    std::filesystem::create_symlink(program, folder + "/program");
    return folder;
  }
  std::unique_ptr<PluginSlot> Start(const std::string& name, const std::string& version = "") {
    const std::string folder = Write(name, version);
    return Slot(name, [this, folder] {
      ++plans_;
      PluginPlan plan;
      auto image = ReadPluginImage(folder);
      EXPECT_TRUE(image.ok()) << image.status();
      plan.image = std::make_shared<const PluginImage>(*std::move(image));
      plan.may_run = may_run_;
      plan.jail = *JailOf(plan.image->folder.manifest, {}, {});
      plan.jail.sockets = sockets_;
      plan.launcher = MADOGUCHI_LAUNCHER;
      return plan;
    });
  }
  std::unique_ptr<PluginSlot> Slot(const std::string& name, PluginSlot::Prepare prepare) {
    return std::make_unique<PluginSlot>(
        name, std::move(prepare), [this](const auto&) { ++ups_; },
        [this](const PluginLife&) { ++downs_; }, patience_);
  }
  static PluginSlot::Prepare Refusing(const absl::Status& why) {
    return [why] {
      PluginPlan plan;
      plan.may_run = why;
      return plan;
    };
  }

  // The first row that pleases, or the newest after ten seconds.
  static PluginRow Await(const PluginSlot& slot,
                         const std::function<bool(const PluginRow&)>& pleases) {
    const auto until = steady_clock::now() + 10s;
    while (true) {
      const PluginRow row = slot.Row();
      if (pleases(row) || steady_clock::now() > until) return row;
      std::this_thread::sleep_for(2ms);
    }
  }
  static PluginRow AwaitState(const PluginSlot& slot, PluginRow::State state) {
    return Await(slot, [state](const PluginRow& row) { return row.state() == state; });
  }
  static bool Lives(pid_t pid) { return kill(pid, 0) == 0; }
  // A row without a process says -1, and that would be every process of this machine.
  static void Signal(const PluginRow& row, int signal) {
    ASSERT_GT(row.pid(), 0) << row.detail();
    kill(row.pid(), signal);
  }

  PluginSlot::Patience patience_;
  std::string folder_;
  std::string kind_ = "KIND_POLICY";
  std::vector<std::string> sockets_;
  absl::Status may_run_ = absl::OkStatus();  // changed only while no slot prepares
  std::atomic<int> plans_ = 0, ups_ = 0, downs_ = 0;
};

TEST_F(PluginSlotTest, RunsAndStopsInTime) {
  auto slot = Start("stays");
  const PluginRow row = AwaitState(*slot, PluginRow::STATE_RUNNING);
  ASSERT_EQ(row.state(), PluginRow::STATE_RUNNING) << row.DebugString();
  EXPECT_TRUE(slot->IsPidOfThis(row.pid()));
  EXPECT_FALSE(slot->IsPidOfThis(getpid()));
  ASSERT_NE(slot->life(), nullptr);
  EXPECT_EQ(slot->life()->generation, 1u);
  const auto before = steady_clock::now();
  slot.reset();
  EXPECT_LT(steady_clock::now() - before, 3s);
  EXPECT_FALSE(Lives(row.pid()));
  EXPECT_EQ(ups_, 1);
  EXPECT_EQ(downs_, 1);
}

TEST_F(PluginSlotTest, ADeathIsNoticedNamedAndMadeGood) {
  auto slot = Start("stays");
  const PluginRow first = AwaitState(*slot, PluginRow::STATE_RUNNING);
  const auto life = slot->life();
  ASSERT_NE(life, nullptr);
  Signal(first, SIGSEGV);
  const PluginRow again = Await(*slot, [&](const PluginRow& row) {
    return row.state() == PluginRow::STATE_RUNNING && row.pid() != first.pid();
  });
  EXPECT_EQ(again.state(), PluginRow::STATE_RUNNING);
  EXPECT_EQ(again.restarts(), 1u);
  EXPECT_EQ(slot->life()->generation, 2u);
  // Whoever holds the old life gets an error, and at once.
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 5s);
  policy::v1::NextReply reply;
  const auto stub = policy::v1::Policy::NewStub(life->channel);
  EXPECT_EQ(stub->Next(&context, policy::v1::NextRequest(), &reply).error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

TEST_F(PluginSlotTest, TheRowSaysWhoEndedHowWithItsLastTwentyLines) {
  patience_.backoff.first = patience_.backoff.longest = 60s;
  auto slot = Start("exits");
  const PluginRow row = AwaitState(*slot, PluginRow::STATE_WAITING);
  EXPECT_EQ(row.name(), "exits");
  EXPECT_NE(row.detail().find("ended with status 3"), std::string::npos) << row.detail();
  ASSERT_EQ(row.log_size(), 20);
  EXPECT_EQ(row.log(0), "line 7");
  // The last words need no end of line, and do not colour the admin's terminal.
  EXPECT_EQ(row.log(19), "no end?[31m");
  auto crash = Start("crashes");
  EXPECT_NE(AwaitState(*crash, PluginRow::STATE_WAITING).detail().find("killed by Aborted"),
            std::string::npos)
      << crash->Row().detail();
  EXPECT_EQ(ups_, 0);
}

TEST_F(PluginSlotTest, WhatDoesNotSayHelloIsKilled) {
  patience_.run.start = 100ms;
  patience_.backoff.first = patience_.backoff.longest = 60s;
  auto slot = Start("hangs");
  const PluginRow row = AwaitState(*slot, PluginRow::STATE_WAITING);
  EXPECT_NE(row.detail().find("no Hello"), std::string::npos) << row.detail();
  EXPECT_NE(row.detail().find("did not end by itself"), std::string::npos) << row.detail();
}

TEST_F(PluginSlotTest, StoppingDoesNotWaitForAHello) {
  patience_.run.start = 60s;
  auto slot = Start("hangs");
  const PluginRow row = Await(*slot, [](const PluginRow& now) { return now.log_size() > 0; });
  const auto before = steady_clock::now();
  slot.reset();
  EXPECT_LT(steady_clock::now() - before, 3s);
  EXPECT_FALSE(Lives(row.pid()));
}

TEST_F(PluginSlotTest, AFloodedLogKeepsNobodyFromHello) {
  auto slot = Start("floods");
  const PluginRow row = AwaitState(*slot, PluginRow::STATE_RUNNING);
  EXPECT_EQ(row.state(), PluginRow::STATE_RUNNING) << row.detail();
  EXPECT_EQ(Await(*slot,
                  [](const PluginRow& now) {
                    return now.log_size() == 20 && now.log(19).rfind("flood 19999", 0) == 0;
                  })
                .log_size(),
            20);
}

TEST_F(PluginSlotTest, WhatIgnoresTheEndOfItsSocketIsKilled) {
  auto slot = Start("stays");
  const PluginRow row = AwaitState(*slot, PluginRow::STATE_RUNNING);
  ASSERT_GT(row.pid(), 0);
  Signal(row, SIGSTOP);  // deaf to everything
  const auto before = steady_clock::now();
  slot.reset();
  EXPECT_GE(steady_clock::now() - before, patience_.run.stop);
  EXPECT_LT(steady_clock::now() - before, 3s);
  EXPECT_FALSE(Lives(row.pid()));
}

TEST(DifferenceFrom, NamesWhatDiffersWithBothValues) {
  plugin::v1::Manifest manifest;
  manifest.set_name("reader_x");
  manifest.set_kind(plugin::v1::KIND_READER);
  plugin::v1::HelloReply said;
  said.set_name("reader_x");
  said.set_kind(plugin::v1::KIND_READER);
  said.set_version(1);
  EXPECT_EQ(DifferenceFrom(manifest, said), "");
  said.set_version(2);
  EXPECT_EQ(DifferenceFrom(manifest, said),
            "it speaks version 2 of the contract, this host version 1: update the host");
  said.set_version(1);
  said.set_kind(plugin::v1::KIND_POLICY);
  EXPECT_EQ(DifferenceFrom(manifest, said), "it is a KIND_POLICY; its manifest says KIND_READER");
  said.set_kind(static_cast<plugin::v1::Kind>(9));
  said.set_name("x");
  EXPECT_EQ(DifferenceFrom(manifest, said),
            "it calls itself \"x\"; its manifest says \"reader_x\"; "
            "it is a kind 9; its manifest says KIND_READER");
}

TEST_F(PluginSlotTest, AnotherNameThanTheManifestsIsNotBelieved) {
  patience_.backoff.first = patience_.backoff.longest = 60s;
  auto slot = Start("liar");
  const PluginRow row = AwaitState(*slot, PluginRow::STATE_WAITING);
  EXPECT_EQ(row.detail().find("it calls itself \"somebody\"; its manifest says \"liar\""), 0u)
      << row.detail();
  auto refuses = Start("refuses");
  EXPECT_NE(AwaitState(*refuses, PluginRow::STATE_WAITING).detail().find("number is 0"),
            std::string::npos);
  EXPECT_EQ(ups_, 0);
}

TEST_F(PluginSlotTest, WhateverBytesItWritesTheRowCanBeRead) {
  patience_.backoff.first = patience_.backoff.longest = 60s;
  auto slot = Start("mumbles", "\xff");
  const PluginRow row = AwaitState(*slot, PluginRow::STATE_WAITING);
  EXPECT_NE(row.detail().find("number is ???"), std::string::npos) << row.detail();
  ASSERT_EQ(row.log_size(), 20);
  EXPECT_EQ(row.log(18), "bytes ??? of no ??line");
  EXPECT_EQ(row.log(19).size(), 400u);
  EXPECT_EQ(row.log(19).substr(397), "窓");
  EXPECT_TRUE(PluginRow().ParseFromString(row.SerializeAsString()));
  const auto refused =
      Slot("mumbles", Refusing(absl::InvalidArgumentError("plugin.textproto: \xff")));
  EXPECT_TRUE(PluginRow().ParseFromString(refused->Row().SerializeAsString()));
}

TEST_F(PluginSlotTest, AnAnswerThatIsTooLargeIsNotTaken) {
  auto slot = Start("talks");
  AwaitState(*slot, PluginRow::STATE_RUNNING);
  const auto life = slot->life();
  ASSERT_NE(life, nullptr);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 5s);
  policy::v1::NextReply reply;
  const auto stub = policy::v1::Policy::NewStub(life->channel);
  EXPECT_EQ(stub->Next(&context, policy::v1::NextRequest(), &reply).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(PluginSlotTest, ItIsStartedAgainLaterAndLater) {
  patience_.backoff.first = 50ms;
  patience_.backoff.longest = 100ms;
  const auto before = steady_clock::now();
  auto slot = Start("exits");
  EXPECT_GE(Await(*slot, [](const PluginRow& row) { return row.restarts() >= 3; }).restarts(), 3u);
  EXPECT_GE(steady_clock::now() - before, 250ms);  // 50 + 100 + 100
}

TEST_F(PluginSlotTest, OneThatEndsOverAndOverIsPutIntoQuarantineUntilAnAdminSaysSo) {
  patience_.backoff.first = 1ms;
  auto slot = Start("exits");
  const PluginRow row = AwaitState(*slot, PluginRow::STATE_QUARANTINED);
  EXPECT_EQ(row.state(), PluginRow::STATE_QUARANTINED);
  EXPECT_EQ(row.restarts(), 4u);
  EXPECT_NE(row.detail().find("ended with status 3"), std::string::npos) << row.detail();
  slot->Restart();
  EXPECT_GE(Await(*slot, [](const PluginRow& now) { return now.restarts() >= 5; }).restarts(), 5u);
}

TEST_F(PluginSlotTest, ARefusedOneIsListedAndNeverRuns) {
  const auto slot = Slot("pcsc", Refusing(absl::InvalidArgumentError("its manifest is broken")));
  EXPECT_EQ(slot->Row().state(), PluginRow::STATE_REFUSED);
  EXPECT_EQ(slot->Row().detail(), "its manifest is broken");
  EXPECT_EQ(slot->life(), nullptr);
}

TEST_F(PluginSlotTest, AnApprovalStartsItAndItsEndStopsIt) {
  may_run_ = absl::PermissionDeniedError("nobody has approved it yet");
  auto slot = Start("stays");
  EXPECT_EQ(slot->Row().state(), PluginRow::STATE_UNAPPROVED);
  EXPECT_EQ(slot->Row().detail(), "nobody has approved it yet");
  EXPECT_EQ(slot->Row().digest().size(), 64u);
  may_run_ = absl::OkStatus();
  slot->Reload();
  const PluginRow running = AwaitState(*slot, PluginRow::STATE_RUNNING);
  ASSERT_EQ(running.state(), PluginRow::STATE_RUNNING) << running.detail();
  may_run_ = absl::PermissionDeniedError("not any more");
  slot->Reload();
  EXPECT_EQ(AwaitState(*slot, PluginRow::STATE_UNAPPROVED).detail(), "not any more");
  EXPECT_FALSE(Lives(running.pid()));
  EXPECT_EQ(plans_, 3);
  EXPECT_EQ(downs_, 1);
}

TEST_F(PluginSlotTest, OneThatAnswersNothingAnyMoreIsEndedAndStartedAgain) {
  patience_.run.pulse = {50ms, 100ms, 2};
  auto slot = Start("stays");
  const PluginRow first = AwaitState(*slot, PluginRow::STATE_RUNNING);
  Signal(first, SIGSTOP);
  const auto another = [&](const PluginRow& row) {
    return row.state() == PluginRow::STATE_RUNNING && row.pid() != first.pid();
  };
  patience_.backoff.first = 60s;
  EXPECT_TRUE(another(Await(*slot, another))) << slot->Row().DebugString();
  EXPECT_FALSE(Lives(first.pid()));
}

TEST_F(PluginSlotTest, TheRowSaysThatItDidNotAnswer) {
  patience_.run.pulse = {50ms, 100ms, 2};
  patience_.backoff.first = patience_.backoff.longest = 60s;
  auto slot = Start("stays");
  Signal(AwaitState(*slot, PluginRow::STATE_RUNNING), SIGSTOP);
  EXPECT_EQ(AwaitState(*slot, PluginRow::STATE_WAITING).detail(),
            "killed, because it did not answer Health 2 times, for 100 ms each");
}

TEST_F(PluginSlotTest, WhatItSuffersFromStandsInItsRowAndItRunsOn) {
  patience_.run.pulse.period = 20ms;
  auto slot = Start("ails");
  const PluginRow row = Await(*slot, [](const PluginRow& now) { return !now.detail().empty(); });
  EXPECT_EQ(row.state(), PluginRow::STATE_RUNNING);
  EXPECT_EQ(row.detail(), "it says: its lamp is out");
  EXPECT_EQ(row.restarts(), 0u);
}

// Of a policy: the new version serves those who come, the old one those who are there.
TEST_F(PluginSlotTest, ANewerVersionTakesOverBesideTheOldOne) {
  auto slot = Start("stays");
  const PluginRow first = AwaitState(*slot, PluginRow::STATE_RUNNING);
  const auto old = slot->life();
  auto guest = old->guests->Enter();
  ASSERT_NE(guest, nullptr);
  Write("stays", ".1");
  slot->Reload();
  const auto newer = [](const PluginRow& row) { return row.version() == "1.0.1"; };
  const PluginRow second = Await(*slot, newer);
  ASSERT_TRUE(newer(second)) << second.DebugString();
  EXPECT_EQ(second.state(), PluginRow::STATE_RUNNING);
  EXPECT_NE(second.pid(), first.pid());
  EXPECT_EQ(slot->life()->pid, second.pid());
  EXPECT_EQ(downs_, 0);
  // Both run, and neither may come in by the host's door.
  EXPECT_TRUE(Lives(first.pid()));
  EXPECT_FALSE(old->over);
  EXPECT_TRUE(slot->IsPidOfThis(first.pid()));
  EXPECT_TRUE(slot->IsPidOfThis(second.pid()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 5s);
  policy::v1::NextReply reply;
  EXPECT_TRUE(policy::v1::Policy::NewStub(old->channel)
                  ->Next(&context, policy::v1::NextRequest(), &reply)
                  .ok());
  guest.reset();
  const auto until = steady_clock::now() + 10s;
  while (Lives(first.pid()) && steady_clock::now() < until) std::this_thread::sleep_for(2ms);
  EXPECT_FALSE(Lives(first.pid()));
  EXPECT_EQ(old->guests->Enter(), nullptr);
  EXPECT_TRUE(Lives(second.pid()));
}

TEST_F(PluginSlotTest, ANewerVersionThatDoesNotStartLeavesTheOldOneRunning) {
  auto slot = Start("stays");
  const PluginRow first = AwaitState(*slot, PluginRow::STATE_RUNNING);
  Write("stays", ".1", "/bin/false");
  slot->Reload();
  const PluginRow row = Await(*slot, [](const PluginRow& now) { return !now.detail().empty(); });
  EXPECT_EQ(
      row.detail().find("the version that was approved last does not start: it ended before it "
                        "was ready (ended with status 1)"),
      0u)
      << row.detail();
  EXPECT_NE(row.detail().find("; version 1.0 goes on"), std::string::npos) << row.detail();
  EXPECT_EQ(row.state(), PluginRow::STATE_RUNNING);
  EXPECT_EQ(row.version(), "1.0");
  EXPECT_EQ(row.pid(), first.pid());
  EXPECT_EQ(row.failed_digest().size(), 64u);
  EXPECT_NE(row.failed_digest(), row.digest());
  EXPECT_NE(slot->life(), nullptr);
  // A restart, or a crash, brings back what went on.
  slot->Restart();
  const auto again = [&](const PluginRow& now) {
    return now.state() == PluginRow::STATE_RUNNING && now.pid() != first.pid();
  };
  EXPECT_TRUE(again(Await(*slot, again))) << slot->Row().DebugString();
  EXPECT_EQ(slot->Row().version(), "1.0");
  // And a version that starts takes over.
  Write("stays", ".2");
  slot->Reload();
  const auto newer = [](const PluginRow& now) { return now.version() == "1.0.2"; };
  EXPECT_TRUE(newer(Await(*slot, newer))) << slot->Row().DebugString();
  EXPECT_EQ(slot->Row().failed_digest(), "");
}

TEST_F(PluginSlotTest, ANewerVersionThatCannotRunAtAllLeavesTheOldOneRunning) {
  auto slot = Start("stays");
  const PluginRow first = AwaitState(*slot, PluginRow::STATE_RUNNING);
  may_run_ = absl::FailedPreconditionError("setting colour is not declared in its manifest");
  Write("stays", ".1");
  slot->Reload();
  const PluginRow row = Await(*slot, [](const PluginRow& now) { return !now.detail().empty(); });
  EXPECT_EQ(row.state(), PluginRow::STATE_RUNNING);
  EXPECT_EQ(row.pid(), first.pid());
  EXPECT_NE(row.detail().find("setting colour"), std::string::npos) << row.detail();
}

// As one does that does not watch for the end of its socket.
TEST_F(PluginSlotTest, OneThatClosesItsSocketAndLivesOnIsEndedAndStartedAgain) {
  patience_.backoff.first = patience_.backoff.longest = 60s;
  auto slot = Start("stays");
  const PluginRow first = AwaitState(*slot, PluginRow::STATE_RUNNING);
  Signal(first, SIGSTOP);
  shutdown(slot->life()->service.get(), SHUT_RDWR);
  EXPECT_EQ(AwaitState(*slot, PluginRow::STATE_WAITING).state(), PluginRow::STATE_WAITING);
  EXPECT_FALSE(Lives(first.pid()));
}

// The device cannot be had twice.
TEST_F(PluginSlotTest, AReaderIsReplacedWhenItsGuestsHaveLeft) {
  kind_ = "KIND_READER";
  auto slot = Start("reads");
  const PluginRow first = AwaitState(*slot, PluginRow::STATE_RUNNING);
  ASSERT_EQ(first.state(), PluginRow::STATE_RUNNING) << first.DebugString();
  auto guest = slot->life()->guests->Enter();
  Write("reads", ".1");
  slot->Reload();
  const PluginRow waiting =
      Await(*slot, [](const PluginRow& now) { return !now.detail().empty(); });
  EXPECT_EQ(waiting.detail(),
            "the version that was approved last takes over when the checks under way have ended");
  EXPECT_EQ(waiting.state(), PluginRow::STATE_RUNNING);
  EXPECT_EQ(waiting.version(), "1.0");
  EXPECT_EQ(waiting.next_digest(), slot->plan().image->digest);
  EXPECT_EQ(waiting.pid(), first.pid());
  guest.reset();
  const auto newer = [](const PluginRow& row) {
    return row.version() == "1.0.1" && row.state() == PluginRow::STATE_RUNNING;
  };
  EXPECT_TRUE(newer(Await(*slot, newer)));
  EXPECT_EQ(slot->Row().next_digest(), "");
  EXPECT_FALSE(Lives(first.pid()));
  EXPECT_EQ(downs_, 1);
  EXPECT_EQ(ups_, 2);
}

TEST_F(PluginSlotTest, AReaderWhoseNewerVersionDoesNotStartIsStartedAgainAsItWas) {
  kind_ = "KIND_READER";
  patience_.backoff.first = patience_.backoff.longest = 60s;
  auto slot = Start("reads");
  AwaitState(*slot, PluginRow::STATE_RUNNING);
  Write("reads", ".1", "/bin/false");
  slot->Reload();
  const PluginRow row = Await(*slot, [](const PluginRow& now) {
    return now.state() == PluginRow::STATE_RUNNING && !now.failed_digest().empty() &&
           !now.detail().empty();
  });
  EXPECT_EQ(row.state(), PluginRow::STATE_RUNNING);
  EXPECT_EQ(row.version(), "1.0");
  EXPECT_NE(row.failed_digest(), row.digest());
  EXPECT_NE(row.detail().find("ended with status 1"), std::string::npos) << row.detail();
  EXPECT_NE(row.detail().find("; version 1.0 goes on"), std::string::npos) << row.detail();
}

TEST_F(PluginSlotTest, GuestsDoNotKeepAVersionForEver) {
  patience_.drain = 20ms;
  auto slot = Start("stays");
  const PluginRow first = AwaitState(*slot, PluginRow::STATE_RUNNING);
  const auto guest = slot->life()->guests->Enter();
  Write("stays", ".1");
  slot->Reload();
  const auto until = steady_clock::now() + 10s;
  while (Lives(first.pid()) && steady_clock::now() < until) std::this_thread::sleep_for(2ms);
  EXPECT_FALSE(Lives(first.pid()));
}

TEST_F(PluginSlotTest, WhatIsNotApprovedAnyMoreEndsAtOnceWithGuestsAndAllItsVersions) {
  auto slot = Start("stays");
  const PluginRow first = AwaitState(*slot, PluginRow::STATE_RUNNING);
  const auto guest = slot->life()->guests->Enter();
  Write("stays", ".1");
  slot->Reload();
  const PluginRow second =
      Await(*slot, [&](const PluginRow& row) { return row.version() == "1.0.1"; });
  may_run_ = absl::PermissionDeniedError("not any more");
  slot->Reload();
  EXPECT_EQ(AwaitState(*slot, PluginRow::STATE_UNAPPROVED).detail(), "not any more");
  EXPECT_FALSE(Lives(first.pid()));
  EXPECT_FALSE(Lives(second.pid()));
}

// The jail was built around the folder that is gone.
TEST_F(PluginSlotTest, ItIsStartedAgainWhenTheFolderOfItsSocketIsAnother) {
  patience_.backoff.first = patience_.backoff.longest = 60s;
  std::filesystem::create_directory(folder_ + "/run");
  sockets_ = {folder_ + "/run/server.sock"};
  auto slot = Start("stays");
  const PluginRow first = AwaitState(*slot, PluginRow::STATE_RUNNING);
  ASSERT_EQ(first.state(), PluginRow::STATE_RUNNING) << first.detail();
  std::filesystem::rename(folder_ + "/run", folder_ + "/run.old");
  std::filesystem::create_directory(folder_ + "/run");
  const auto again = [&](const PluginRow& row) {
    return row.state() == PluginRow::STATE_RUNNING && row.pid() != first.pid();
  };
  EXPECT_TRUE(again(Await(*slot, again)));
}

TEST_F(PluginSlotTest, ARestartRunsTheSameBytesAtOnceWhateverLiesThereNow) {
  patience_.backoff.first = patience_.backoff.longest = 60s;
  auto slot = Start("stays");
  const PluginRow first = AwaitState(*slot, PluginRow::STATE_RUNNING);
  std::filesystem::remove_all(folder_ + "/stays");
  slot->Restart();
  const auto again = [&](const PluginRow& row) {
    return row.state() == PluginRow::STATE_RUNNING && row.pid() != first.pid();
  };
  EXPECT_TRUE(again(Await(*slot, again)));
  EXPECT_FALSE(Lives(first.pid()));
  EXPECT_EQ(plans_, 1);
  // A crash waits for its backoff, a restart ends the waiting.
  Signal(slot->Row(), SIGKILL);
  AwaitState(*slot, PluginRow::STATE_WAITING);
  slot->Restart();
  EXPECT_EQ(AwaitState(*slot, PluginRow::STATE_RUNNING).state(), PluginRow::STATE_RUNNING);
}

size_t OpenDescriptors() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

TEST_F(PluginSlotTest, LivesLeaveNoDescriptorBehind) {
  const auto once = [&] {
    auto slot = Start("stays");
    const PluginRow row = AwaitState(*slot, PluginRow::STATE_RUNNING);
    Signal(row, SIGKILL);
    Await(*slot, [&](const PluginRow& now) {
      return now.state() == PluginRow::STATE_RUNNING && now.pid() != row.pid();
    });
  };
  once();  // gRPC opens some for itself the first time
  const size_t before = OpenDescriptors();
  for (int i = 0; i < 3; ++i) once();
  // gRPC closes a channel's socket on a thread of its own.
  const auto until = steady_clock::now() + 10s;
  while (OpenDescriptors() > before && steady_clock::now() < until) {
    std::this_thread::sleep_for(2ms);
  }
  EXPECT_LE(OpenDescriptors(), before);
}

}  // namespace
}  // namespace madoguchi
