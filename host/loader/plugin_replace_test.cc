// A newer version of a plugin, and what becomes of the one that runs.
#include "host/loader/plugin_slot_fixture.h"
#include "madoguchi/policy/v1/policy.grpc.pb.h"

namespace madoguchi {
namespace {

class PluginReplaceTest : public PluginSlotFixture {};

// Of a policy: the new version serves those who come, the old one those who are there.
TEST_F(PluginReplaceTest, ANewerVersionTakesOverBesideTheOldOne) {
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

TEST_F(PluginReplaceTest, ANewerVersionThatDoesNotStartLeavesTheOldOneRunning) {
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

TEST_F(PluginReplaceTest, ANewerVersionThatCannotRunAtAllLeavesTheOldOneRunning) {
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

// The device cannot be had twice.
TEST_F(PluginReplaceTest, AReaderIsReplacedWhenItsGuestsHaveLeft) {
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

TEST_F(PluginReplaceTest, AReaderWhoseNewerVersionDoesNotStartIsStartedAgainAsItWas) {
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

TEST_F(PluginReplaceTest, GuestsDoNotKeepAVersionForEver) {
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

TEST_F(PluginReplaceTest, WhatIsNotApprovedAnyMoreEndsAtOnceWithGuestsAndAllItsVersions) {
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

}  // namespace
}  // namespace madoguchi
