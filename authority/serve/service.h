#ifndef MADOGUCHI_AUTHORITY_SERVE_SERVICE_H_
#define MADOGUCHI_AUTHORITY_SERVE_SERVICE_H_

#include <chrono>
#include <functional>
#include <optional>

#include "authority/eligibility/eligibility.h"
#include "madoguchi/authority/v1/authority.grpc.pb.h"

namespace madoguchi::authority {

// authority.v1.Authority over gRPC. Thread-safe.
class AuthorityService final : public v1::Authority::Service {
 public:
  // Who calls; nullopt for a stranger, who gets NOT_ENROLLED.
  using WhoCalls = std::function<std::optional<EnrolledHost>(const grpc::ServerContext& call)>;

  // `eligibility` must outlive this object. Every answer is held back by `delay`, for trials of
  // slow authorities; less when nobody waits for it any more.
  AuthorityService(Eligibility& eligibility, std::chrono::milliseconds delay, WhoCalls who_calls)
      : eligibility_(eligibility), delay_(delay), who_calls_(std::move(who_calls)) {}

  grpc::Status Challenge(grpc::ServerContext* call, const v1::ChallengeRequest* request,
                         v1::ChallengeReply* reply) override;
  grpc::Status Ask(grpc::ServerContext* call, const v1::AskRequest* request,
                   v1::AskReply* reply) override;

 private:
  Eligibility& eligibility_;
  const std::chrono::milliseconds delay_;
  const WhoCalls who_calls_;
};

// SHA-256 of the certificate that the client showed in the TLS handshake, 64 lower-case
// hexadecimal digits; empty without one.
std::string PeerCertificateSha256(const grpc::ServerContext& call);

}  // namespace madoguchi::authority

#endif  // MADOGUCHI_AUTHORITY_SERVE_SERVICE_H_
