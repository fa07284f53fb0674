#include "authority/eligibility/eligibility.h"

#include <algorithm>
#include <utility>

#include "sdk/failure/failure.h"
#include "sdk/proof/proof.h"

namespace madoguchi::authority {
namespace {

absl::Status Invalid(const std::string& detail) {
  return FailureStatus(check::v1::FAILURE_CODE_REQUEST_INVALID, detail);
}

absl::Status CheckCheckId(const std::string& id) {
  const bool fits = id.size() == 32 && std::all_of(id.begin(), id.end(), [](char c) {
                      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                    });
  return fits ? absl::OkStatus() : Invalid("a check id is 32 lower-case hexadecimal digits");
}

}  // namespace

Eligibility::Eligibility(std::string authority_id, TrustAnchors anchors, InsuredStore& store)
    : authority_id_(std::move(authority_id)), anchors_(std::move(anchors)), store_(store) {}

absl::StatusOr<v1::ChallengeReply> Eligibility::Challenge(const EnrolledHost& host,
                                                          const v1::ChallengeRequest& request,
                                                          const Now& now) {
  if (auto status = CheckCheckId(request.check_id()); !status.ok()) return status;
  v1::ChallengeReply reply;
  reply.set_challenge(challenges_.Issue(host.host_id, request.check_id(), now.clock));
  reply.set_valid_for_s(static_cast<uint32_t>(Challenges::kAge.count()));
  reply.set_authority_id(authority_id_);
  reply.set_host_id(host.host_id);
  reply.set_time_s(std::chrono::system_clock::to_time_t(now.calendar));
  return reply;
}

// The challenge goes first and is spent by the attempt, whatever becomes of it.
absl::Status Eligibility::CheckProof(const EnrolledHost& host, const v1::AskRequest& request,
                                     const Certificate& certificate, const Now& now) {
  const v1::Proof& proof = request.proof();
  absl::Status status =
      challenges_.Spend(host.host_id, request.check_id(), proof.challenge(), now.clock);
  if (status.ok()) status = anchors_.Check(certificate, now.calendar);
  if (!status.ok()) return status;
  const std::string digest = ProofDigest(
      {authority_id_, host.host_id, request.check_id(), proof.challenge(), certificate.sha256()});
  return CheckSignature(certificate, digest, proof.signature());
}

absl::StatusOr<v1::AskReply> Eligibility::Ask(const EnrolledHost& host,
                                              const v1::AskRequest& request, const Now& now) {
  if (auto status = CheckCheckId(request.check_id()); !status.ok()) return status;
  if (request.has_visual_match() && !host.visual) {
    return FailureStatus(check::v1::FAILURE_CODE_METHOD_NOT_ENTITLED);
  }
  const std::string& der = request.certificate();
  const auto certificate =
      Certificate::Parse({reinterpret_cast<const uint8_t*>(der.data()), der.size()});
  if (!certificate.ok()) return Invalid(std::string(certificate.status().message()));

  absl::Status proven = Invalid("neither a proof nor a visual match");
  if (request.has_proof()) {
    proven = CheckProof(host, request, *certificate, now);
  } else if (request.has_visual_match()) {
    proven = anchors_.Check(*certificate, now.calendar);
  }
  if (!proven.ok()) return proven;

  auto person = store_.Find(certificate->issuer(), certificate->serial());
  if (!person.ok()) {
    return FailureStatus(check::v1::FAILURE_CODE_AUTHORITY_UNREACHABLE,
                         std::string(person.status().message()));
  }
  v1::AskReply reply;
  reply.set_validity(check::v1::VALIDITY_NONE);
  if (*person) {
    reply.set_validity((*person)->validity);
    *reply.mutable_eligibility() = (*person)->eligibility;
  }
  return reply;
}

}  // namespace madoguchi::authority
