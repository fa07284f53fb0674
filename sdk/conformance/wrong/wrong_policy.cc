// 目視, and the ways to get it wrong.
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <mutex>
#include <set>
#include <thread>

#include "madoguchi/policy/v1/policy.grpc.pb.h"
#include "sdk/conformance/wrong/wrong.h"

namespace madoguchi::wrong {
namespace {

using Evidence = policy::v1::ProjectedEvidence;
using std::chrono::steady_clock;

constexpr Evidence::Kind kWay[] = {Evidence::KIND_VISUAL_MATCH, Evidence::KIND_CERTIFICATE_READ,
                                   Evidence::KIND_ANSWERED};
const grpc::Status kStray(grpc::StatusCode::INVALID_ARGUMENT, "answers nothing");

std::atomic<int64_t> last_ms = -1000;
std::atomic<int> at_once = 0;

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             steady_clock::now().time_since_epoch())
      .count();
}

// One question, and nothing after its answer.
void AskOnce(policy::v1::NextReply* reply, const std::string& text) {
  auto* const ask = reply->mutable_step()->mutable_ask();
  ask->mutable_text()->set_ja(Fails("policy.ask-drawable") ? "" : "質問 " + text);
  ask->mutable_text()->set_en("Question " + text);
  auto* const choice = ask->add_choices();
  choice->set_id("yes");
  choice->mutable_label()->set_ja("はい");
  choice->mutable_label()->set_en("Yes");
  ask->set_role(check::v1::ROLE_STAFF);
}

// The policies that are no 目視. True when this one is.
bool Other(const policy::v1::NextRequest& request, policy::v1::NextReply* reply,
           grpc::Status* status) {
  const auto& evidence = request.evidence();
  if (Fails("policy.finishes")) {
    reply->mutable_step()->mutable_read_certificate();
    for (const Evidence& one : evidence) {
      if (one.kind() == Evidence::KIND_FAILED) reply->mutable_finish();
      if (one.kind() != Evidence::KIND_FAILED && one.kind() != Evidence::KIND_CERTIFICATE_READ) {
        *status = kStray;
      }
    }
    return true;
  }
  if (Fails("policy.pin-form")) {
    auto* const form = reply->mutable_step()->mutable_ask_pin()->mutable_form();
    form->set_shortest(4);
    form->set_longest(17);
    if (!evidence.empty()) *status = kStray;
    return true;
  }
  if (Fails("policy.ask-drawable") || Fails("policy.same-after-restart")) {
    AskOnce(reply, Fails("policy.same-after-restart") ? std::to_string(getpid()) : "one");
    if (evidence.empty()) return true;
    reply->mutable_finish();
    const auto kind = evidence[0].kind();
    if (evidence.size() > 1 || (kind != Evidence::KIND_CHOSEN && kind != Evidence::KIND_FAILED)) {
      *status = kStray;
    }
    return true;
  }
  return false;
}

// What is wrong about the answers of a 目視 that goes its way otherwise.
grpc::Status Spoil(const policy::v1::NextRequest& request, policy::v1::NextReply* reply) {
  const int size = request.evidence_size();
  const bool failed = size > 0 && request.evidence(size - 1).kind() == Evidence::KIND_FAILED;
  if (failed && Fails("policy.answers")) return {grpc::StatusCode::INTERNAL, "what now"};
  if (failed && Fails("policy.reply-not-empty")) reply->clear_next();
  if (failed && size == 1 && Fails("policy.steps-allowed")) {
    reply->mutable_step()->mutable_ask_authority();
  }
  if (size == 3 && Fails("policy.in-time") &&
      request.evidence(2).validity() == check::v1::VALIDITY_SEVERAL) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1300));
  }
  if (Fails("policy.same-again")) {
    static std::mutex mutex;
    static auto* const seen = new std::set<std::string>;
    const std::lock_guard<std::mutex> lock(mutex);
    if (!seen->insert(request.SerializeAsString()).second) reply->mutable_finish();
  }
  if (Fails("policy.same-at-once")) {
    const int others = at_once++;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    if (others > 0) reply->mutable_step()->mutable_ask_pin();
    --at_once;
  }
  return grpc::Status::OK;
}

class PolicyService final : public policy::v1::Policy::Service, public Kind {
 public:
  grpc::Service* service() override { return this; }
  grpc::Status Next(grpc::ServerContext*, const policy::v1::NextRequest* request,
                    policy::v1::NextReply* reply) override {
    return wrong::Next(*request, reply);
  }
};

}  // namespace

bool PolicyIsBusy() { return NowMs() - last_ms < 100; }

grpc::Status Next(const policy::v1::NextRequest& request, policy::v1::NextReply* reply) {
  last_ms = NowMs();
  if (Fails("plugin.no-descriptor-leak")) (void)!dup(0);
  if (Fails("plugin.jail-fits")) (void)!unshare(CLONE_NEWUTS);
  if (request.evidence_size() == 2 && Name() == "right_policy_falls") {
    std::fputs("first\nabout to fall\n", stderr);
    __builtin_trap();
  }
  if (request.evidence_size() == 2 && Name() == "right_policy_hangs") {
    std::this_thread::sleep_for(std::chrono::seconds(20));
  }
  grpc::Status status;
  if (Other(request, reply, &status)) return status;
  size_t at = 0;
  for (const Evidence& evidence : request.evidence()) {
    const bool failed = evidence.kind() == Evidence::KIND_FAILED;
    const bool stray = at == std::size(kWay) || (!failed && evidence.kind() != kWay[at]);
    if (stray && (!Fails("policy.stray-evidence") || at == std::size(kWay))) return kStray;
    at = failed ? std::size(kWay) : at + 1;
  }
  switch (at) {
    case 0:
      reply->mutable_step()->mutable_ask_visual_match();
      break;
    case 1:
      reply->mutable_step()->mutable_read_certificate();
      break;
    case 2:
      reply->mutable_step()->mutable_ask_authority();
      break;
    default:
      reply->mutable_finish();
      break;
  }
  return Spoil(request, reply);
}

std::unique_ptr<Kind> MakePolicy() { return std::make_unique<PolicyService>(); }

}  // namespace madoguchi::wrong
