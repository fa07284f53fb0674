#include "host/play/policies.h"

#include <google/protobuf/text_format.h>

#include <algorithm>
#include <cstdlib>

#include "sdk/failure/failure.h"

namespace madoguchi::play {

using namespace check::v1;  // NOLINT: the codes.

namespace {

policy::v1::NextReply Next(const std::string& step) {
  policy::v1::NextReply reply;
  if (!google::protobuf::TextFormat::ParseFromString(step, reply.mutable_step())) std::abort();
  return reply;
}

policy::v1::NextReply Finish() {
  policy::v1::NextReply reply;
  reply.mutable_finish();
  return reply;
}

}  // namespace

absl::StatusOr<policy::v1::NextReply> Policy::Next(const policy::v1::NextRequest& evidence,
                                                   const CallLimits& limits) {
  if (limits.cancelled.stop_requested()) return FailureStatus(FAILURE_CODE_CANCELLED);
  return flow_(evidence);
}

Policy::Flow ByPin(int shortest, int longest) {
  using Seen = policy::v1::ProjectedEvidence;
  const std::string ask = "ask_pin { form { shortest: " + std::to_string(shortest) +
                          " longest: " + std::to_string(longest) + " digits: true } }";
  return [ask](const policy::v1::NextRequest& request) -> absl::StatusOr<policy::v1::NextReply> {
    if (request.evidence().empty()) return Next(ask);
    const bool read =
        std::any_of(request.evidence().begin(), request.evidence().end(),
                    [](const Seen& seen) { return seen.kind() == Seen::KIND_CERTIFICATE_READ; });
    switch (request.evidence(request.evidence_size() - 1).kind()) {
      case Seen::KIND_PIN_SEALED:
      case Seen::KIND_PIN_AT_PAD:
        return Next(read ? "prove_card {}" : "read_certificate {}");
      case Seen::KIND_CERTIFICATE_READ:
      case Seen::KIND_LAST_TRY_ACCEPTED:
        return Next("prove_card {}");
      case Seen::KIND_PIN_REJECTED:
        return Next(ask);
      case Seen::KIND_LAST_TRY:
        return Next("ask_last_try {}");
      case Seen::KIND_CARD_PROVEN:
        return Next("ask_authority {}");
      default:
        return Finish();
    }
  };
}

Policy::Flow ByVisualMatch() {
  using Seen = policy::v1::ProjectedEvidence;
  return [](const policy::v1::NextRequest& request) -> absl::StatusOr<policy::v1::NextReply> {
    if (request.evidence().empty()) return Next("ask_visual_match {}");
    switch (request.evidence(request.evidence_size() - 1).kind()) {
      case Seen::KIND_VISUAL_MATCH:
        return Next("read_certificate {}");
      case Seen::KIND_CERTIFICATE_READ:
        return Next("ask_authority {}");
      default:
        return Finish();
    }
  };
}

Policy::Flow Script(std::vector<std::string> steps) {
  return [steps = std::move(steps)](
             const policy::v1::NextRequest& request) -> absl::StatusOr<policy::v1::NextReply> {
    const auto at = static_cast<size_t>(request.evidence_size());
    if (at >= steps.size()) return Finish();
    return Next(steps[at]);
  };
}

}  // namespace madoguchi::play
