#include "host/play/authority.h"

#include "sdk/failure/failure.h"
#include "sdk/proof/certificate.h"
#include "sdk/proof/proof.h"

namespace madoguchi::play {

using namespace check::v1;  // NOLINT: the codes.

absl::StatusOr<authority::v1::ChallengeReply> Authority::Challenge(
    const authority::v1::ChallengeRequest& request, const CallLimits&) {
  authority::v1::ChallengeReply reply;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    std::string challenge = std::to_string(++challenges_);
    challenge.resize(32, '.');
    open_[challenge] = request.check_id();
    reply.set_challenge(challenge);
  }
  reply.set_valid_for_s(60);
  reply.set_authority_id(authority_id_);
  reply.set_host_id(host_id_);
  if (on_challenge) return on_challenge(reply);
  return reply;
}

absl::StatusOr<authority::v1::AskReply> Authority::Ask(const authority::v1::AskRequest& request,
                                                       const CallLimits&) {
  std::lock_guard<std::mutex> lock(mutex_);
  asked_.push_back(request);
  if (on_ask) return on_ask(request);
  if (request.has_proof()) {
    const auto open = open_.find(request.proof().challenge());
    if (open == open_.end() || open->second != request.check_id()) {
      return FailureStatus(FAILURE_CODE_CHALLENGE_SPENT);
    }
    open_.erase(open);
    const auto certificate =
        Certificate::Parse({reinterpret_cast<const uint8_t*>(request.certificate().data()),
                            request.certificate().size()});
    if (!certificate.ok()) return certificate.status();
    const std::string digest = ProofDigest({authority_id_, host_id_, request.check_id(),
                                            request.proof().challenge(), certificate->sha256()});
    if (auto fits = CheckSignature(*certificate, digest, request.proof().signature()); !fits.ok()) {
      return fits;
    }
  }
  authority::v1::AskReply reply;
  reply.set_validity(validity);
  if (validity == VALIDITY_VALID || validity == VALIDITY_VALID_UNREGISTERED ||
      validity == VALIDITY_INVALID) {
    reply.mutable_eligibility()->set_name("試験　花子");
    reply.mutable_eligibility()->set_number("0000123");
  }
  return reply;
}

std::vector<authority::v1::AskRequest> Authority::asked() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return asked_;
}

}  // namespace madoguchi::play
