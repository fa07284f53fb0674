#ifndef POLICY_H_
#define POLICY_H_

#include <string>

#include "sdk/plugin/policy.h"  // the whole contract of a policy stands there

// The way by PIN: AskPin, ReadCertificate, ProveCard, AskAuthority.
class MyPolicy final : public madoguchi::plugin::Policy {
 public:
  std::string name() const override { return "my_policy"; }
  absl::Status Start(const madoguchi::plugin::Settings& settings) override;
  absl::StatusOr<madoguchi::policy::v1::NextReply> Next(
      const madoguchi::policy::v1::NextRequest& request) override;

 private:
  madoguchi::check::v1::PinForm form_;
};

#endif  // POLICY_H_
