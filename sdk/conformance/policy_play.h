#ifndef MADOGUCHI_SDK_CONFORMANCE_POLICY_PLAY_H_
#define MADOGUCHI_SDK_CONFORMANCE_POLICY_PLAY_H_

#include <string>

#include "sdk/plugin/policy.h"

// Golden checks of a policy, as one line of words each: steps and evidence in turn, from the first
// step to FINISH.
//
//   ASK_PIN PIN_SEALED READ_CERTIFICATE CERTIFICATE_READ PROVE_CARD CARD_PROVEN ASK_AUTHORITY
//   ANSWERED FINISH
//
// A step is named as in check.v1.Step, evidence as in policy.v1.ProjectedEvidence.Kind. Evidence
// may be followed by one value: FAILED:CARD_GONE, PIN_REJECTED:2, ANSWERED:VALID, CHOSEN:yes.
namespace madoguchi::conformance {

class PluginProcess;

// Plays `line` against `policy`, which has been started. OK when the policy answers every prefix as
// the line says; FAILED_PRECONDITION tells where it does not, INVALID_ARGUMENT which word is none.
// The word REFUSED in a step's place means INVALID_ARGUMENT and ends the line.
absl::Status Play(plugin::Policy& policy, const std::string& line);

// The name of what `reply` asks for: ASK_PIN, ..., FINISH; NOTHING for an empty reply.
std::string NameOf(const policy::v1::NextReply& reply);

// One word of evidence, as above.
absl::StatusOr<policy::v1::ProjectedEvidence> EvidenceOf(const std::string& word);
// The other way round.
std::string WordOf(const policy::v1::ProjectedEvidence& evidence);

// The policy of a plugin process, as if it were here. `process` must have been started and must
// outlive it.
class RemotePolicy final : public plugin::Policy {
 public:
  explicit RemotePolicy(const PluginProcess& process) : process_(process) {}
  std::string name() const override;
  absl::Status Start(const plugin::Settings&) override { return absl::OkStatus(); }
  absl::StatusOr<policy::v1::NextReply> Next(const policy::v1::NextRequest& request) override;

 private:
  const PluginProcess& process_;
};

}  // namespace madoguchi::conformance

#endif  // MADOGUCHI_SDK_CONFORMANCE_POLICY_PLAY_H_
