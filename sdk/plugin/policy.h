#ifndef MADOGUCHI_SDK_PLUGIN_POLICY_H_
#define MADOGUCHI_SDK_PLUGIN_POLICY_H_

#include "madoguchi/policy/v1/policy.pb.h"
#include "sdk/plugin/plugin.h"

// A policy is a way of proving who the patient is: a list of steps. The host asks it what to do
// next, does that, and asks again with what it brought, until the policy says that it is finished.
//
//   step (check.v1.Step)      evidence (policy.v1.ProjectedEvidence.Kind)
//   AskPin{form}              PIN_SEALED, typed on a screen; PIN_AT_PAD, to be typed at the reader
//   ReadCertificate           CERTIFICATE_READ
//   ProveCard                 CARD_PROVEN, PIN_REJECTED{tries_left}, LAST_TRY, PIN_BLOCKED
//   AskLastTry                LAST_TRY_ACCEPTED
//   AskVisualMatch            VISUAL_MATCH
//   AskAuthority              ANSWERED{validity}
//   Ask{text, choices, ...}   CHOSEN{choice_id}
//   any of them               FAILED{code}: nobody came, the card went away, the staff said no
//
// The way by PIN is AskPin, ReadCertificate, ProveCard, AskAuthority; after PIN_REJECTED again
// AskPin and ProveCard, after LAST_TRY first AskLastTry. 目視 is AskVisualMatch, ReadCertificate,
// AskAuthority. A question of one's own is Ask: every screen can draw it.
//
// The host guards every step, and ends the check with POLICY_OVERSTEPPED at one that it forbids:
// - ProveCard needs CERTIFICATE_READ before it, and a PIN that was typed since the last
//   PIN_REJECTED, PIN_BLOCKED or CARD_PROVEN; after LAST_TRY also LAST_TRY_ACCEPTED.
// - AskLastTry only right after LAST_TRY.
// - AskVisualMatch only in a clinic that allows 目視.
// - AskAuthority needs CERTIFICATE_READ, and either CARD_PROVEN after it (once for each
//   AskAuthority) or VISUAL_MATCH.
// - Ask has 1 to 16 choices, each with an id and a label in both languages, and the role staff or
//   patient.
//
// A check has at most 32 steps. Its verdict is the host's and follows from the last evidence:
// finish after ANSWERED, FAILED (or try another way), PIN_BLOCKED, PIN_REJECTED (the check ends
// with PIN_WRONG) or LAST_TRY (PIN_LAST_TRY_DECLINED). Finish after any other evidence is
// POLICY_OVERSTEPPED.
//
// A policy sees no PIN, no card byte, no name and no number, and may ask for no permission.
namespace madoguchi::plugin {

class Policy : public Plugin {
 public:
  // What comes next after `evidence` (oldest first, empty at the beginning, at most 32): a step, or
  // finish. Exactly one of them.
  //
  // A pure function of the settings and the evidence. It keeps nothing between calls: checks at
  // several counters call it at once, from several threads, the same question may come twice, and
  // the process may have been started anew in between. No clock, no random numbers. The host waits
  // one second.
  //
  // INVALID_ARGUMENT for evidence that does not answer the step before it, or that follows the end:
  // no host brings it, and it must not be answered with a guess.
  virtual absl::StatusOr<policy::v1::NextReply> Next(const policy::v1::NextRequest& evidence) = 0;
};

// Serves `policy`, as plugin.h says; it must live as long as the process. Returns only when this
// process was not started by a host: an exit status for main(), with the reason on standard error.
int Serve(Policy& policy);

}  // namespace madoguchi::plugin

#endif  // MADOGUCHI_SDK_PLUGIN_POLICY_H_
