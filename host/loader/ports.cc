#include "host/loader/ports.h"

#include "host/loader/call.h"
#include "madoguchi/authority/v1/authority.grpc.pb.h"
#include "madoguchi/policy/v1/policy.grpc.pb.h"

namespace madoguchi {

using namespace check::v1;  // NOLINT: the codes.

namespace {

// One check's stay with the life of a plugin that ran when it began. Should that life end before
// the check does, the one that runs then takes over.
class LifeOfCheck {
 public:
  explicit LifeOfCheck(Lives lives) : lives_(std::move(lives)) {
    // A door is closed behind a life that another one has replaced: then that one's is open.
    for (int tries = 0; tries < 3 && stay_ == nullptr; ++tries) {
      life_ = lives_();
      if (life_ == nullptr) return;
      stay_ = life_->guests->Enter();
    }
  }
  std::shared_ptr<const PluginLife> Get() const {
    return life_ == nullptr || life_->over ? lives_() : life_;
  }

 private:
  const Lives lives_;
  std::shared_ptr<const PluginLife> life_;
  std::shared_ptr<const void> stay_;
};

}  // namespace

class PluginPolicy::OfCheck final : public PolicyPort {
 public:
  explicit OfCheck(PluginPolicy& policy) : policy_(policy), life_(policy.lives_) {}
  absl::StatusOr<policy::v1::NextReply> Next(const policy::v1::NextRequest& evidence,
                                             const CallLimits& limits) override {
    return policy_.Ask(life_.Get(), evidence, limits);
  }
  void Blame(const std::string& what) override {
    if (const auto life = life_.Get()) life->incidents->Add(what);
  }

 private:
  PluginPolicy& policy_;
  const LifeOfCheck life_;
};

std::shared_ptr<PolicyPort> PluginPolicy::ForCheck() { return std::make_shared<OfCheck>(*this); }

absl::StatusOr<policy::v1::NextReply> PluginPolicy::Next(const policy::v1::NextRequest& evidence,
                                                         const CallLimits& limits) {
  return Ask(lives_(), evidence, limits);
}

absl::StatusOr<policy::v1::NextReply> PluginPolicy::Ask(
    const std::shared_ptr<const PluginLife>& life, const policy::v1::NextRequest& evidence,
    const CallLimits& limits) {
  if (limits.cancelled.stop_requested()) return FailureStatus(FAILURE_CODE_CANCELLED);
  if (life == nullptr) return FailureStatus(FAILURE_CODE_POLICY_FAILED, "it is not running");
  const std::string key = evidence.SerializeAsString();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (life->generation > generation_) {
      known_.clear();
      generation_ = life->generation;
    }
    const auto found = known_.find(key);
    if (life->generation == generation_ && found != known_.end()) return found->second;
  }
  const auto stub = policy::v1::Policy::NewStub(life->channel);
  policy::v1::NextReply reply;
  const absl::Status status = CallPlugin(
      *life, limits, FAILURE_CODE_POLICY_FAILED, FAILURE_CODE_POLICY_FAILED,
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
      *life, limits, FAILURE_CODE_AUTHORITY_UNREACHABLE, FAILURE_CODE_AUTHORITY_SLOW,
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
      CallPlugin(*life, limits, FAILURE_CODE_AUTHORITY_UNREACHABLE, FAILURE_CODE_AUTHORITY_SLOW,
                 [&](grpc::ClientContext* context) { return stub->Ask(context, request, &reply); });
  if (!status.ok()) return status;
  return reply;
}

// Its calls are few: each check makes a port of its own over the life that it began with.
std::shared_ptr<AuthorityPort> PluginAuthority::ForCheck() {
  const auto life = std::make_shared<const LifeOfCheck>(lives_);
  return std::make_shared<PluginAuthority>([life] { return life->Get(); });
}

void PluginAuthority::Blame(const std::string& what) {
  if (const auto life = lives_()) life->incidents->Add(what);
}

}  // namespace madoguchi
