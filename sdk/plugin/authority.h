#ifndef MADOGUCHI_SDK_PLUGIN_AUTHORITY_H_
#define MADOGUCHI_SDK_PLUGIN_AUTHORITY_H_

#include <chrono>

#include "madoguchi/authority/v1/authority.pb.h"
#include "sdk/plugin/plugin.h"

// An authority says whether a person's insurance is valid. It speaks to whatever knows: a server, a
// file, a system of another maker.
//
// One check asks it two things, and all that it may keep of a check is the challenge in between:
//
//   1. Challenge{check_id}: 32 random bytes, which are good for one Ask of this check and for
//      valid_for_s seconds, and the two names that the card's signature will bind: authority_id
//      (who answers) and host_id (which clinic asks). The host compares both with its configuration
//      and lets the card sign for no other. The challenge is asked for ahead, while the patient
//      types, and may never be used; a check may ask for another one.
//   2. Ask{check_id, certificate, proven_by}: the certificate of the card (DER, personal), and
//      either a Proof, the challenge and the card's signature, or VisualMatch, the word of the
//      staff. It answers a Validity and what there is to know of the insurance.
//
// Before it answers an Ask with a Proof, an authority holds: the challenge is one that it gave for
// this check_id, not used and not too old (CHALLENGE_SPENT; every Ask uses its challenge up,
// whatever its outcome); the certificate is of an issuer that it trusts
// (CERTIFICATE_UNKNOWN_ISSUER) and in its time (CERTIFICATE_EXPIRED, CERTIFICATE_NOT_YET_VALID);
// the signature is right (SIGNATURE_WRONG). sdk/proof/proof.h and sdk/proof/certificate.h do the
// last two. Or it passes all of it to a server that does. Whoever answers a VisualMatch trusts that
// clinic's staff: METHOD_NOT_ENTITLED where it does not. An unknown person is no failure but
// VALIDITY_NONE.
//
// What the plugin sees is personal: it is not logged and not kept.
namespace madoguchi::plugin {

// One call of the host, as far as its time goes. Valid until the function that got it returns.
class Call {
 public:
  virtual ~Call() = default;
  // Nobody waits for an answer after this; far in the future when the host set none.
  virtual std::chrono::system_clock::time_point deadline() const = 0;
  // True once the host no longer waits, because the check was cancelled, say. Any thread.
  virtual bool cancelled() const = 0;
};

class Authority : public Plugin {
 public:
  // Both are called from several threads at once, for checks at several counters, and may block
  // until the call's deadline; where what they wait for can be slow, they look at cancelled() a few
  // times a second. A server that cannot be reached is AUTHORITY_UNREACHABLE, one that does not
  // answer in time AUTHORITY_SLOW: said as soon as it is known, so that the staff do not wait in
  // vain. All failures: service Authority in madoguchi/authority/v1/authority.proto.

  // REQUEST_INVALID for a check_id that is not 32 hexadecimal digits; NOT_ENROLLED when whoever
  // answers does not know this clinic.
  virtual absl::StatusOr<authority::v1::ChallengeReply> Challenge(
      const Call& call, const authority::v1::ChallengeRequest& request) = 0;

  // The failures above. An Ask with a Proof is passed on at most once: a signature is not repeated.
  virtual absl::StatusOr<authority::v1::AskReply> Ask(const Call& call,
                                                      const authority::v1::AskRequest& request) = 0;
};

// Serves `authority`, as plugin.h says; it must live as long as the process. Returns only when this
// process was not started by a host: an exit status for main(), with the reason on standard error.
int Serve(Authority& authority);

}  // namespace madoguchi::plugin

#endif  // MADOGUCHI_SDK_PLUGIN_AUTHORITY_H_
