#include "sdk/plugin/policy.h"

#include "madoguchi/policy/v1/policy.grpc.pb.h"
#include "sdk/failure/grpc_status.h"
#include "sdk/plugin/serve.h"

namespace madoguchi::plugin {
namespace {

class PolicyService final : public policy::v1::Policy::Service {
 public:
  explicit PolicyService(Policy& policy) : policy_(policy) {}
  grpc::Status Next(grpc::ServerContext*, const policy::v1::NextRequest* request,
                    policy::v1::NextReply* reply) override {
    auto next = policy_.Next(*request);
    if (!next.ok()) return ToGrpc(next.status());
    *reply = *std::move(next);
    return grpc::Status::OK;
  }

 private:
  Policy& policy_;
};

}  // namespace

int Serve(Policy& policy) {
  PolicyService service(policy);
  return ServeOn(policy, v1::KIND_POLICY, service, [] {});
}

}  // namespace madoguchi::plugin
