// The policy in Go does what plugins/policy_visual does: in the jail that a host puts it in, and in
// a whole check.
#include <gmock/gmock.h>
#include <grpcpp/create_channel_posix.h>
#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "madoguchi/plugin/v1/plugin.grpc.pb.h"
#include "madoguchi/policy/v1/policy.grpc.pb.h"
#include "sdk/conformance/policy_play.h"
#include "sdk/failure/grpc_status.h"
#include "sdk/launch/jail/jailed_process.h"
#include "tests/clinic/clinic.h"

namespace madoguchi {
namespace {

using Evidence = policy::v1::ProjectedEvidence;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A policy's process, spoken to as the host does it; in the jail unless `launcher` is empty.
class PolicyProcess : public plugin::Policy {
 public:
  explicit PolicyProcess(std::string name, const std::string& launcher = MADOGUCHI_LAUNCHER)
      : name_(std::move(name)) {
    Jail jail;
    jail.name = name_;
    const int fd =
        JailedProcess::SealedCopy(std::string(MADOGUCHI_PLUGINS) + "/" + name_ + "/" + name_);
    auto process = JailedProcess::Spawn(launcher, jail, fd);
    close(fd);
    EXPECT_TRUE(process.ok()) << process.status();
    process_ = *std::move(process);
    channel_ = grpc::CreateInsecureChannelFromFd(name_, process_->TakeService());
  }
  std::string name() const override { return name_; }
  absl::Status Start(const plugin::Settings&) override { return absl::OkStatus(); }
  absl::StatusOr<policy::v1::NextReply> Next(const policy::v1::NextRequest& request) override {
    grpc::ClientContext context;
    Patiently(context);
    policy::v1::NextReply reply;
    const absl::Status status =
        FromGrpc(policy::v1::Policy::NewStub(channel_)->Next(&context, request, &reply));
    if (!status.ok()) return status;
    return reply;
  }
  absl::Status Hello(uint32_t version, plugin::v1::HelloReply* reply) {
    grpc::ClientContext context;
    Patiently(context);
    plugin::v1::HelloRequest request;
    request.add_host_version(version);
    return FromGrpc(plugin::v1::Plugin::NewStub(channel_)->Hello(&context, request, reply));
  }
  absl::Status Started() {
    grpc::ClientContext context;
    Patiently(context);
    plugin::v1::StartReply reply;
    return FromGrpc(
        plugin::v1::Plugin::NewStub(channel_)->Start(&context, plugin::v1::StartRequest(), &reply));
  }
  // The host goes. The exit status, and what was logged.
  int HangUp(std::string* log) {
    channel_.reset();
    return process_->Wait(log);
  }

 private:
  static void Patiently(grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  }

  const std::string name_;
  std::unique_ptr<JailedProcess> process_;
  std::shared_ptr<grpc::Channel> channel_;
};

// Those of policy_visual's own test.
#define TO_AUTHORITY \
  "ASK_VISUAL_MATCH VISUAL_MATCH READ_CERTIFICATE CERTIFICATE_READ ASK_AUTHORITY "
constexpr const char* kGolden[] = {
    TO_AUTHORITY "ANSWERED:VALID FINISH",
    TO_AUTHORITY "ANSWERED:NONE FINISH",
    TO_AUTHORITY "FAILED:METHOD_NOT_ENTITLED FINISH",
    "ASK_VISUAL_MATCH FAILED:VISUAL_MISMATCH FINISH",
    "ASK_VISUAL_MATCH VISUAL_MATCH READ_CERTIFICATE FAILED:CARD_GONE FINISH",
    "ASK_VISUAL_MATCH CERTIFICATE_READ REFUSED",
    "ASK_VISUAL_MATCH PIN_SEALED REFUSED",
    "ASK_VISUAL_MATCH VISUAL_MATCH READ_CERTIFICATE VISUAL_MATCH REFUSED",
    TO_AUTHORITY "CARD_PROVEN REFUSED",
};

TEST(PolicyGo, PlaysEveryGoldenCheckInTheJail) {
  PolicyProcess policy("policy_go");
  for (const char* line : kGolden) {
    EXPECT_EQ(conformance::Play(policy, line), absl::OkStatus()) << line;
  }
}

TEST(PolicyGo, AnswersAsPolicyVisualDoes) {
  PolicyProcess go("policy_go"), visual("policy_visual", "");
  std::mt19937 dice(20260401);
  constexpr int kKinds = Evidence::Kind_MAX + 1;
  int finished = 0, went_on = 0, refused = 0;
  const auto compare = [&](const policy::v1::NextRequest& request) {
    const auto expected = visual.Next(request), found = go.Next(request);
    ASSERT_EQ(found.ok(), expected.ok()) << request.ShortDebugString();
    if (expected.ok()) {
      ASSERT_EQ(found->SerializeAsString(), expected->SerializeAsString());
      ++(expected->has_finish() ? finished : went_on);
    } else {
      ASSERT_EQ(found.status(), expected.status()) << request.ShortDebugString();
      ++refused;
    }
  };
  // All of up to two pieces of evidence, and seeded ones of up to 32 that stay on the way for a
  // while.
  for (int number = 0; number < kKinds * kKinds; ++number) {
    policy::v1::NextRequest request;
    request.add_evidence()->set_kind(static_cast<Evidence::Kind>(number % kKinds));
    request.add_evidence()->set_kind(static_cast<Evidence::Kind>(number / kKinds));
    compare(request);
  }
  constexpr Evidence::Kind kWay[] = {Evidence::KIND_VISUAL_MATCH, Evidence::KIND_CERTIFICATE_READ,
                                     Evidence::KIND_ANSWERED};
  for (int walk = 0; walk < 500; ++walk) {
    policy::v1::NextRequest request;
    const int length = static_cast<int>(dice() % (walk % 2 == 0 ? 4 : 33));
    for (int i = 0; i < length; ++i) {
      const bool stray = dice() % 4 == 0 || i >= 3;
      request.add_evidence()->set_kind(stray ? static_cast<Evidence::Kind>(dice() % kKinds)
                                             : kWay[i]);
    }
    compare(request);
  }
  EXPECT_GT(finished, 20);
  EXPECT_GT(went_on, 20);
  EXPECT_GT(refused, 200);
}

TEST(PolicyGo, GreetsAndEndsAsThePluginContractSays) {
  const auto before = steady_clock::now();
  PolicyProcess policy("policy_go");
  plugin::v1::HelloReply reply;
  ASSERT_TRUE(policy.Hello(1, &reply).ok());
  EXPECT_LT(steady_clock::now() - before, std::chrono::seconds(2));
  EXPECT_EQ(reply.name(), "policy_go");
  EXPECT_EQ(reply.kind(), plugin::v1::KIND_POLICY);
  const absl::Status refused = policy.Hello(7, &reply);
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), testing::HasSubstr("version 1"));
  EXPECT_TRUE(policy.Started().ok());
  const auto hung_up = steady_clock::now();
  std::string log;
  EXPECT_EQ(policy.HangUp(&log), 0);
  EXPECT_LT(steady_clock::now() - hung_up, std::chrono::seconds(1));
  EXPECT_EQ(log, "");
}

TEST(PolicyGo, LeadsAWholeCheck) {
  clinic::Clinic::Options options;
  options.readers = 1;
  options.recording = "visual_eligible.textproto";
  auto clinic = clinic::Clinic::Make(options);
  clinic->config().add_plugin()->set_name("policy_go");
  for (auto& method : *clinic->config().mutable_method()) {
    if (method.id() == "visual") method.set_plugin("policy_go");
  }
  clinic->Start();
  auto staff = clinic->Staff();
  ASSERT_TRUE(staff->Begin("visual").ok());
  staff->AwaitStage(desk::v1::STAGE_ASK_VISUAL_MATCH);
  desk::v1::Reply reply;
  reply.mutable_visual_match()->set_matches(true);
  ASSERT_TRUE(staff->Send(reply).ok());
  const check::v1::Verdict verdict = staff->AwaitVerdict();
  EXPECT_EQ(verdict.outcome(), check::v1::OUTCOME_ELIGIBLE) << verdict.DebugString();
}

}  // namespace
}  // namespace madoguchi
