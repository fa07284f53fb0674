#include "host/check/authority_probe.h"

#include <openssl/rand.h>

#include <array>
#include <cstdlib>

#include "host/utc_now.h"
#include "sdk/failure/failure.h"

namespace madoguchi {

std::string NewCheckId() {
  std::array<unsigned char, 16> random;
  if (RAND_bytes(random.data(), random.size()) != 1) std::abort();
  static const char* const kDigits = "0123456789abcdef";
  std::string id;
  for (const unsigned char byte : random) id += {kDigits[byte >> 4], kDigits[byte & 15]};
  return id;
}

absl::Status CheckChallenge(const authority::v1::ChallengeReply& challenge, const World& world) {
  if (challenge.challenge().size() == 32 && challenge.authority_id() == world.authority_id &&
      challenge.host_id() == world.host_id) {
    return absl::OkStatus();
  }
  return FailureStatus(check::v1::FAILURE_CODE_AUTHORITY_ANSWER_INVALID,
                       "the challenge is for another authority or host: " +
                           challenge.authority_id() + ", " + challenge.host_id());
}

absl::StatusOr<desk::v1::ProbeAuthorityReply> ProbeAuthority(const World& world,
                                                             const std::stop_token& cancelled) {
  authority::v1::ChallengeRequest request;
  request.set_check_id(NewCheckId());
  const auto challenge = world.authority->Challenge(request, {world.limits.authority, cancelled});
  if (!challenge.ok()) return challenge.status();
  if (absl::Status ours = CheckChallenge(*challenge, world); !ours.ok()) return ours;
  desk::v1::ProbeAuthorityReply reply;
  reply.set_host_time(UtcNow());
  if (challenge->time_s() != 0) reply.set_authority_time(UtcText(challenge->time_s()));
  return reply;
}

}  // namespace madoguchi
