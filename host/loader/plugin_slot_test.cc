#include "host/loader/plugin_slot.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/loader/plugin_slot_fixture.h"
#include "madoguchi/policy/v1/policy.grpc.pb.h"

namespace madoguchi {
namespace {

class PluginSlotTest : public PluginSlotFixture {};

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

// One board of several was plugged in again: the checks at the others come to their end first.
TEST_F(PluginSlotTest, AReaderIsStartedAgainForADeviceWhenNoCheckHoldsACardOfIt) {
  kind_ = "KIND_READER";
  patience_.backoff.first = patience_.backoff.longest = 60s;
  patience_.run.pulse.period = 20ms;
  std::filesystem::create_directory(folder_ + "/run");
  sockets_ = {folder_ + "/run/server.sock"};
  auto slot = Start("reads");
  const PluginRow first = AwaitState(*slot, PluginRow::STATE_RUNNING);
  ASSERT_EQ(first.state(), PluginRow::STATE_RUNNING) << first.detail();
  const auto life = slot->life();
  auto guest = life->guests->Enter();
  std::filesystem::rename(folder_ + "/run", folder_ + "/run.old");
  std::filesystem::create_directory(folder_ + "/run");
  // Whoever looks around does so many times meanwhile.
  const auto until = steady_clock::now() + 300ms;
  while (steady_clock::now() < until) {
    ASSERT_FALSE(life->over);
    std::this_thread::sleep_for(2ms);
  }
  EXPECT_EQ(slot->Row().pid(), first.pid());
  guest.reset();
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
