#include "sdk/plugin/serve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sdk/plugin/unused_sessions.h"

namespace madoguchi::plugin {
namespace {

using testing::HasSubstr;
using Versions = std::vector<uint32_t>;

class Idle final : public Plugin {
 public:
  std::string name() const override { return "idle"; }
  absl::Status Start(const Settings&) override { return absl::OkStatus(); }
};

// What the plugin that speaks `own` answers a host that speaks `host`.
grpc::Status Greet(const Versions& host, const Versions& own, v1::HelloReply* reply) {
  Idle idle;
  PluginService service(idle, v1::KIND_POLICY, own);
  v1::HelloRequest request;
  for (const uint32_t version : host) request.add_host_version(version);
  return service.Hello(nullptr, &request, reply);
}

TEST(Hello, TakesTheHighestCommonVersionInAnyOrder) {
  struct {
    Versions host, own;
    uint32_t expected;
  } const cases[] = {{{1}, {1}, 1},
                     {{1, 2, 3}, {1, 2}, 2},
                     {{3, 2, 1}, {2, 1}, 2},
                     {{1, 3}, {1, 2, 3}, 3},
                     {{7, 1}, {1}, 1}};
  for (const auto& one : cases) {
    v1::HelloReply reply;
    ASSERT_TRUE(Greet(one.host, one.own, &reply).ok());
    EXPECT_EQ(reply.version(), one.expected);
    EXPECT_EQ(reply.name(), "idle");
    EXPECT_EQ(reply.kind(), v1::KIND_POLICY);
  }
}

std::string Refusal(const Versions& host, const Versions& own) {
  v1::HelloReply reply;
  const grpc::Status status = Greet(host, own, &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(reply.version(), 0u);
  return status.error_message();
}

TEST(Hello, ARefusalSaysWhichSideToUpdate) {
  EXPECT_EQ(Refusal({2, 3}, {1}),
            "this plugin speaks version 1 of the contract and the host versions 2 and 3: update "
            "the plugin, or build it again with the host's SDK");
  EXPECT_EQ(Refusal({1}, {2}),
            "this plugin speaks version 2 of the contract and the host version 1: update the "
            "host, or use an older version of the plugin");
  EXPECT_THAT(Refusal({1, 3}, {2}), HasSubstr("update the plugin"));
  EXPECT_THAT(Refusal({}, {1}), HasSubstr("the host no version: update the host"));
}

TEST(Hello, NoVersionZeroAndNoLongList) {
  EXPECT_THAT(Refusal({0}, {0, 1}), HasSubstr("update the host"));
  EXPECT_LT(Refusal(Versions(100000, 4000000000u), {1}).size(), 300u);
}

TEST(UnusedSessions, AreForgottenOnceWhenNobodyUsesThem) {
  UnusedSessions sessions;
  const UnusedSessions::Time opened;
  sessions.Opened(1, opened);
  sessions.Opened(2, opened);
  sessions.Opened(3, opened + std::chrono::seconds(1));
  sessions.Used(2);
  const auto late = opened + UnusedSessions::kPatience;
  EXPECT_THAT(sessions.TakeForgotten(late - std::chrono::milliseconds(1)), testing::IsEmpty());
  EXPECT_THAT(sessions.TakeForgotten(late), testing::ElementsAre(1));
  EXPECT_THAT(sessions.TakeForgotten(late), testing::IsEmpty());
}

}  // namespace
}  // namespace madoguchi::plugin
