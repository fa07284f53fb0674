#ifndef MADOGUCHI_HOST_CHECK_PORTS_H_
#define MADOGUCHI_HOST_CHECK_PORTS_H_

#include <chrono>
#include <memory>
#include <stop_token>

#include "absl/status/statusor.h"
#include "host/card/session.h"
#include "host/check/reader_table.h"
#include "madoguchi/authority/v1/authority.pb.h"
#include "madoguchi/policy/v1/policy.pb.h"

// What a check needs of the plugins, without gRPC. Every call blocks until there is an answer, the
// time is over or `cancelled` is requested, and may come from several threads at once.
namespace madoguchi {

struct CallLimits {
  std::chrono::milliseconds timeout;
  std::stop_token cancelled;
};

// A pointer to what somebody else owns.
template <typename T>
std::shared_ptr<T> Borrowed(T* owned) {
  return std::shared_ptr<T>(std::shared_ptr<void>(), owned);
}

class PolicyPort {
 public:
  virtual ~PolicyPort() = default;
  // POLICY_FAILED when the plugin is not there, died or was too slow; CANCELLED.
  virtual absl::StatusOr<policy::v1::NextReply> Next(const policy::v1::NextRequest& evidence,
                                                     const CallLimits& limits) = 0;
  // This port as one check uses it, from its first step to its verdict: a plugin that is replaced
  // meanwhile goes on for it. The port outlives what it gives.
  virtual std::shared_ptr<PolicyPort> ForCheck() { return Borrowed(this); }
  // Told of what it answered that no policy may: "asked for ...".
  virtual void Blame(const std::string& what) {}
};

class AuthorityPort {
 public:
  virtual ~AuthorityPort() = default;
  // The failures of authority.proto; AUTHORITY_UNREACHABLE when the plugin is not there or died,
  // AUTHORITY_SLOW when the time is over; CANCELLED.
  virtual absl::StatusOr<authority::v1::ChallengeReply> Challenge(
      const authority::v1::ChallengeRequest& request, const CallLimits& limits) = 0;
  virtual absl::StatusOr<authority::v1::AskReply> Ask(const authority::v1::AskRequest& request,
                                                      const CallLimits& limits) = 0;
  // As the policy's.
  virtual std::shared_ptr<AuthorityPort> ForCheck() { return Borrowed(this); }
  virtual void Blame(const std::string& what) {}
};

class ReaderPort {
 public:
  virtual ~ReaderPort() = default;
  // Begins a transaction with the card that `card` names. `limits.timeout` is for this call and for
  // each APDU of the session. The failures of reader.proto; READER_LOST when the plugin is not
  // there or died, CARD_SILENT when the time is over; CANCELLED.
  virtual absl::StatusOr<std::unique_ptr<CardSession>> Open(const CardSeen& card,
                                                            const CallLimits& limits) = 0;
  // As long as the visit is held, the reader's plugin is not replaced by a newer version of itself.
  // Null when it is being replaced just now: the card is to be looked for again.
  virtual std::shared_ptr<const void> Visit(const CardSeen& card) { return Borrowed(this); }
};

// The host key's signature under each PIN prompt: ECDSA P-256 with SHA-256, DER.
class PromptSigner {
 public:
  virtual ~PromptSigner() = default;
  virtual absl::StatusOr<std::string> Sign(const std::string& text) = 0;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_CHECK_PORTS_H_
