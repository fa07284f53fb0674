#ifndef MADOGUCHI_HOST_PLAY_AUTHORITY_H_
#define MADOGUCHI_HOST_PLAY_AUTHORITY_H_

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "host/check/ports.h"

namespace madoguchi::play {

// Gives each challenge once and believes a proof that fits it.
class Authority final : public AuthorityPort {
 public:
  Authority(std::string authority_id, std::string host_id)
      : authority_id_(std::move(authority_id)), host_id_(std::move(host_id)) {}

  // What it says instead, where set. Set them before the check runs.
  std::function<absl::StatusOr<authority::v1::ChallengeReply>(authority::v1::ChallengeReply)>
      on_challenge;
  std::function<absl::StatusOr<authority::v1::AskReply>(const authority::v1::AskRequest&)> on_ask;
  check::v1::Validity validity = check::v1::VALIDITY_VALID;

  absl::StatusOr<authority::v1::ChallengeReply> Challenge(
      const authority::v1::ChallengeRequest& request, const CallLimits& limits) override;
  absl::StatusOr<authority::v1::AskReply> Ask(const authority::v1::AskRequest& request,
                                              const CallLimits& limits) override;

  std::vector<authority::v1::AskRequest> asked() const;

 private:
  const std::string authority_id_, host_id_;
  mutable std::mutex mutex_;
  uint64_t challenges_ = 0;
  std::map<std::string, std::string> open_;  // challenge to check id
  std::vector<authority::v1::AskRequest> asked_;
};

}  // namespace madoguchi::play

#endif  // MADOGUCHI_HOST_PLAY_AUTHORITY_H_
