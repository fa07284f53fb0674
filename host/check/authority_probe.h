#ifndef MADOGUCHI_HOST_CHECK_AUTHORITY_PROBE_H_
#define MADOGUCHI_HOST_CHECK_AUTHORITY_PROBE_H_

#include <string>

#include "absl/status/statusor.h"
#include "host/check/check.h"
#include "madoguchi/desk/v1/desk.pb.h"

namespace madoguchi {

// A new check's id: 32 random hexadecimal digits.
std::string NewCheckId();

// AUTHORITY_ANSWER_INVALID when `challenge` is not 32 bytes, or is for another authority or host
// than those of `world`.
absl::Status CheckChallenge(const authority::v1::ChallengeReply& challenge, const World& world);

// Asks the authority of `world` for a challenge that nobody will use. Blocks as long as a check
// would wait. The failures of desk.v1.Desk.ProbeAuthority; CANCELLED.
absl::StatusOr<desk::v1::ProbeAuthorityReply> ProbeAuthority(const World& world,
                                                             const std::stop_token& cancelled);

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_CHECK_AUTHORITY_PROBE_H_
