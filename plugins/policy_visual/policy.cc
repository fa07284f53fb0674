#include "plugins/policy_visual/policy.h"

#include <iterator>

namespace madoguchi {
namespace {

using Evidence = policy::v1::ProjectedEvidence;

// What answers the first, second and third step. The way is straight.
constexpr Evidence::Kind kWay[] = {Evidence::KIND_VISUAL_MATCH, Evidence::KIND_CERTIFICATE_READ,
                                   Evidence::KIND_ANSWERED};
constexpr size_t kEnd = std::size(kWay);

}  // namespace

absl::StatusOr<policy::v1::NextReply> VisualPolicy::Next(const policy::v1::NextRequest& request) {
  size_t at = 0;
  for (const Evidence& evidence : request.evidence()) {
    const bool failed = evidence.kind() == Evidence::KIND_FAILED;
    if (at == kEnd || (!failed && evidence.kind() != kWay[at])) {
      return absl::InvalidArgumentError(Evidence::Kind_Name(evidence.kind()) +
                                        " does not answer the step before it");
    }
    at = failed ? kEnd : at + 1;
  }
  policy::v1::NextReply reply;
  switch (at) {
    case 0:
      reply.mutable_step()->mutable_ask_visual_match();
      break;
    case 1:
      reply.mutable_step()->mutable_read_certificate();
      break;
    case 2:
      reply.mutable_step()->mutable_ask_authority();
      break;
    default:
      reply.mutable_finish();
      break;
  }
  return reply;
}

}  // namespace madoguchi
