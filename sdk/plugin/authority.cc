#include "sdk/plugin/authority.h"

#include "madoguchi/authority/v1/authority.grpc.pb.h"
#include "sdk/failure/grpc_status.h"
#include "sdk/plugin/serve.h"

namespace madoguchi::plugin {
namespace {

class ServerCall final : public Call {
 public:
  explicit ServerCall(const grpc::ServerContext& context) : context_(context) {}
  std::chrono::system_clock::time_point deadline() const override { return context_.deadline(); }
  bool cancelled() const override { return context_.IsCancelled(); }

 private:
  const grpc::ServerContext& context_;
};

class AuthorityService final : public authority::v1::Authority::Service {
 public:
  explicit AuthorityService(Authority& authority) : authority_(authority) {}
  grpc::Status Challenge(grpc::ServerContext* context,
                         const authority::v1::ChallengeRequest* request,
                         authority::v1::ChallengeReply* reply) override {
    return Answer(authority_.Challenge(ServerCall(*context), *request), reply);
  }
  grpc::Status Ask(grpc::ServerContext* context, const authority::v1::AskRequest* request,
                   authority::v1::AskReply* reply) override {
    return Answer(authority_.Ask(ServerCall(*context), *request), reply);
  }

 private:
  template <typename Reply>
  static grpc::Status Answer(absl::StatusOr<Reply> answer, Reply* reply) {
    if (!answer.ok()) return ToGrpc(answer.status());
    *reply = *std::move(answer);
    return grpc::Status::OK;
  }

  Authority& authority_;
};

}  // namespace

int Serve(Authority& authority) {
  AuthorityService service(authority);
  return ServeOn(authority, v1::KIND_AUTHORITY, service, [] {});
}

}  // namespace madoguchi::plugin
