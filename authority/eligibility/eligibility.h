#ifndef MADOGUCHI_AUTHORITY_ELIGIBILITY_ELIGIBILITY_H_
#define MADOGUCHI_AUTHORITY_ELIGIBILITY_ELIGIBILITY_H_

#include <chrono>
#include <string>

#include "absl/status/statusor.h"
#include "authority/eligibility/challenges.h"
#include "authority/store/insured_store.h"
#include "madoguchi/authority/v1/authority.pb.h"
#include "sdk/proof/certificate.h"

namespace madoguchi::authority {

// A host that may ask, and what it is entitled to.
struct EnrolledHost {
  std::string host_id;
  bool visual = false;  // 目視
};

struct Now {
  std::chrono::system_clock::time_point calendar = std::chrono::system_clock::now();
  std::chrono::steady_clock::time_point clock = std::chrono::steady_clock::now();
};

// The answers of authority.v1.Authority, without the transport: who asks is already known. The
// errors are those of authority.proto; a database that fails is AUTHORITY_UNREACHABLE. Thread-safe.
class Eligibility {
 public:
  // `store` must outlive this object.
  Eligibility(std::string authority_id, TrustAnchors anchors, InsuredStore& store);

  absl::StatusOr<v1::ChallengeReply> Challenge(const EnrolledHost& host,
                                               const v1::ChallengeRequest& request,
                                               const Now& now = {});
  absl::StatusOr<v1::AskReply> Ask(const EnrolledHost& host, const v1::AskRequest& request,
                                   const Now& now = {});

 private:
  absl::Status CheckProof(const EnrolledHost& host, const v1::AskRequest& request,
                          const Certificate& certificate, const Now& now);

  const std::string authority_id_;
  const TrustAnchors anchors_;
  InsuredStore& store_;
  Challenges challenges_;
};

}  // namespace madoguchi::authority

#endif  // MADOGUCHI_AUTHORITY_ELIGIBILITY_ELIGIBILITY_H_
