#include "host/loader/ports.h"

#include "host/loader/call.h"
#include "madoguchi/authority/v1/authority.grpc.pb.h"
#include "madoguchi/policy/v1/policy.grpc.pb.h"

namespace madoguchi {

using namespace check::v1;  // NOLINT: the codes.

absl::StatusOr<policy::v1::NextReply> PluginPolicy::Next(const policy::v1::NextRequest& evidence,
                                                         const CallLimits& limits) {
  if (limits.cancelled.stop_requested()) return FailureStatus(FAILURE_CODE_CANCELLED);
  const auto life = lives_();
  if (life == nullptr) return FailureStatus(FAILURE_CODE_POLICY_FAILED, "it is not running");
  const std::string key = evidence.SerializeAsString();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (life->generation != generation_) known_.clear();
    generation_ = life->generation;
    if (const auto found = known_.find(key); found != known_.end()) return found->second;
  }
  const auto stub = policy::v1::Policy::NewStub(life->channel);
  policy::v1::NextReply reply;
  const absl::Status status = CallPlugin(
      limits, FAILURE_CODE_POLICY_FAILED, FAILURE_CODE_POLICY_FAILED,
      [&](grpc::ClientContext* context) { return stub->Next(context, evidence, &reply); });
  if (status.ok()) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (life->generation == generation_ && known_.size() < kMostKnown) known_[key] = reply;
    return reply;
  }
  // Whatever a policy may say of itself: to the staff it failed.
  if (CodeOf(status) == FAILURE_CODE_CANCELLED) return status;
  return FailureStatus(FAILURE_CODE_POLICY_FAILED, std::string(status.message()));
}

absl::StatusOr<authority::v1::ChallengeReply> PluginAuthority::Challenge(
    const authority::v1::ChallengeRequest& request, const CallLimits& limits) {
  const auto life = lives_();
  if (life == nullptr) {
    return FailureStatus(FAILURE_CODE_AUTHORITY_UNREACHABLE, "its plugin is not running");
  }
  const auto stub = authority::v1::Authority::NewStub(life->channel);
  authority::v1::ChallengeReply reply;
  const absl::Status status = CallPlugin(
      limits, FAILURE_CODE_AUTHORITY_UNREACHABLE, FAILURE_CODE_AUTHORITY_SLOW,
      [&](grpc::ClientContext* context) { return stub->Challenge(context, request, &reply); });
  if (!status.ok()) return status;
  return reply;
}

absl::StatusOr<authority::v1::AskReply> PluginAuthority::Ask(
    const authority::v1::AskRequest& request, const CallLimits& limits) {
  const auto life = lives_();
  if (life == nullptr) {
    return FailureStatus(FAILURE_CODE_AUTHORITY_UNREACHABLE, "its plugin is not running");
  }
  const auto stub = authority::v1::Authority::NewStub(life->channel);
  authority::v1::AskReply reply;
  const absl::Status status =
      CallPlugin(limits, FAILURE_CODE_AUTHORITY_UNREACHABLE, FAILURE_CODE_AUTHORITY_SLOW,
                 [&](grpc::ClientContext* context) { return stub->Ask(context, request, &reply); });
  if (!status.ok()) return status;
  return reply;
}

}  // namespace madoguchi
