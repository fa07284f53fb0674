#include <gtest/gtest.h>

#include "host/check/check.h"
#include "host/check/fake_screens.h"
#include "sdk/failure/failure.h"
#include "sdk/secret/secret.h"

namespace madoguchi {
namespace {

using namespace check::v1;  // NOLINT: the codes.

// The secure heap is full when the PIN comes, and has a little more room at each try.
class CrampedScreens final : public Screens {
 public:
  explicit CrampedScreens(fake::FakeScreens& screens) : screens_(screens) {}

  std::vector<absl::Status> refused;

  void Show(const Scene& scene) override { screens_.Show(scene); }
  void Ask(const Scene& scene, Acceptor acceptor) override {
    screens_.Ask(scene, [this, acceptor](const desk::v1::Reply& reply) {
      std::vector<Secret> others;
      for (auto one = Secret::OfSize(1); one.ok() && others.size() < 4096;
           one = Secret::OfSize(1)) {
        others.push_back(*std::move(one));
      }
      absl::Status taken = acceptor(reply);
      for (; !taken.ok() && !others.empty(); taken = acceptor(reply)) {
        refused.push_back(taken);
        others.pop_back();
      }
      return taken;
    });
  }
  Wake Await(std::chrono::steady_clock::time_point until, desk::v1::Reply* reply) override {
    return screens_.Await(until, reply);
  }

 private:
  fake::FakeScreens& screens_;
};

TEST(CheckQuestions, APinThatThereIsNoRoomForIsNotTaken) {
  fake::FakeWorld fake;
  fake.readers.Plug("a");
  fake.readers.Lay("a");
  std::stop_source cancel;
  fake::FakeScreens screens(fake.table, cancel.get_token());
  CrampedScreens cramped(screens);
  fake::Policy policy(fake::ByPin());
  const std::string check_id(32, 'a');
  Check check(fake.world, policy, cramped, {check_id, "1", "pin", {"virtual/a"}, 0},
              cancel.get_token());
  const Verdict verdict = check.Run();
  EXPECT_FALSE(cramped.refused.empty());
  for (const absl::Status& status : cramped.refused) {
    EXPECT_EQ(CodeOf(status), FAILURE_CODE_PIN_SEAL_INVALID) << status;
  }
  EXPECT_EQ(verdict.outcome(), OUTCOME_ELIGIBLE) << verdict.ShortDebugString();
}

}  // namespace
}  // namespace madoguchi
