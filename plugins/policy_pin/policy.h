#ifndef MADOGUCHI_PLUGINS_POLICY_PIN_POLICY_H_
#define MADOGUCHI_PLUGINS_POLICY_PIN_POLICY_H_

#include <string>

#include "sdk/plugin/policy.h"

namespace madoguchi {

// 暗証番号: the patient types the PIN for user authentication, and the card signs.
class PinPolicy final : public plugin::Policy {
 public:
  std::string name() const override { return "policy_pin"; }
  absl::Status Start(const plugin::Settings& settings) override;
  // INVALID_ARGUMENT when some evidence does not answer the step before it, when evidence follows
  // the end, or when there is more than 32 of it.
  absl::StatusOr<policy::v1::NextReply> Next(const policy::v1::NextRequest& request) override;

 private:
  check::v1::PinForm form_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_PLUGINS_POLICY_PIN_POLICY_H_
