#include "sdk/screen/connect.h"

#include <gmock/gmock.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "madoguchi/desk/v1/desk.grpc.pb.h"
#include "sdk/failure/failure.h"
#include "sdk/screen/prompt.h"
#include "sdk/secret/seal.h"

namespace madoguchi::screen {
namespace {

using ::testing::HasSubstr;

class FakeDesk final : public desk::v1::Desk::Service {
  grpc::Status GetHost(grpc::ServerContext*, const desk::v1::GetHostRequest*,
                       desk::v1::GetHostReply* reply) override {
    reply->set_version("trial");
    return grpc::Status::OK;
  }
};

std::unique_ptr<grpc::Server> Serve(FakeDesk* desk, const std::string& path) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + path, grpc::InsecureServerCredentials());
  builder.RegisterService(desk);
  return builder.BuildAndStart();
}

std::string SocketPath() {
  std::string folder = "/tmp/madoguchi_connect_XXXXXX";
  return std::string(mkdtemp(folder.data())) + "/desk.sock";
}

grpc::Status Ask(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
  desk::v1::GetHostReply reply;
  return desk::v1::Desk::NewStub(channel)->GetHost(&context, {}, &reply);
}

TEST(DeskConnection, MakesANewChannelAfterTheHostCameBack) {
  const std::string path = SocketPath();
  FakeDesk desk;
  auto server = Serve(&desk, path);
  const auto connection = DeskConnection::Local(path);
  const auto first = connection->Channel();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(Ask(*first).ok());
  server->Shutdown(std::chrono::system_clock::now());
  server.reset();
  EXPECT_FALSE(Ask(*first).ok());
  EXPECT_EQ(CodeOf(connection->Renew(*first).status()), check::v1::FAILURE_CODE_HOST_UNREACHABLE);
  server = Serve(&desk, path);
  const auto second = connection->Renew(*first);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(Ask(*second).ok());
  EXPECT_EQ(*connection->Renew(*first), *second) << "one renewal serves every thread";
}

TEST(DeskConnection, NobodyListens) {
  const auto channel = Connect(SocketPath());
  EXPECT_EQ(CodeOf(channel.status()), check::v1::FAILURE_CODE_HOST_UNREACHABLE);
  EXPECT_EQ(CodeOf(Connect(std::string(200, 'x')).status()),
            check::v1::FAILURE_CODE_HOST_UNREACHABLE);
}

TEST(DefaultSocketPath, FollowsTheEnvironment) {
  setenv("MADOGUCHI_SOCKET", "/trial/desk.sock", 1);
  EXPECT_EQ(DefaultSocketPath(), "/trial/desk.sock");
  unsetenv("MADOGUCHI_SOCKET");
  setenv("XDG_RUNTIME_DIR", "/nowhere", 1);
  EXPECT_EQ(DefaultSocketPath(), "/run/madoguchi/desk.sock");
}

TEST(SealToPrompt, RefusesAPromptThatThePinnedHostDidNotSign) {
  const auto key = *PromptKey::Make();
  desk::v1::View view;
  view.set_check_id("00112233445566778899aabbccddeeff");
  view.mutable_pin_prompt()->set_prompt_id(key->prompt_id());
  view.mutable_pin_prompt()->set_public_key(key->public_key());
  view.mutable_pin_prompt()->mutable_form()->set_shortest(4);
  view.mutable_pin_prompt()->mutable_form()->set_longest(4);
  const auto pin = [](size_t size) { return *Secret::OfSize(size); };
  EXPECT_EQ(CodeOf(SealToPrompt(pin(4), view, "another key").status()),
            check::v1::FAILURE_CODE_HOST_FOREIGN);
  view.mutable_pin_prompt()->mutable_form()->set_longest(16);
  EXPECT_EQ(CodeOf(SealToPrompt(pin(3), view, "").status()), check::v1::FAILURE_CODE_PIN_FORM);
  Secret typed = pin(4);
  std::fill(typed.bytes().begin(), typed.bytes().end(), '7');
  const auto sealed = SealToPrompt(std::move(typed), view, "");
  ASSERT_TRUE(sealed.ok()) << sealed.status();
  EXPECT_EQ(key->Open(*sealed, view.check_id())->size(), 4u);
}

}  // namespace
}  // namespace madoguchi::screen
