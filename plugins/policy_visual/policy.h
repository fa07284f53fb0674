#ifndef MADOGUCHI_PLUGINS_POLICY_VISUAL_POLICY_H_
#define MADOGUCHI_PLUGINS_POLICY_VISUAL_POLICY_H_

#include <string>

#include "sdk/plugin/policy.h"

namespace madoguchi {

// 目視: the staff compare the photo on the card with the patient; nothing is typed or signed.
class VisualPolicy final : public plugin::Policy {
 public:
  std::string name() const override { return "policy_visual"; }
  absl::Status Start(const plugin::Settings&) override { return absl::OkStatus(); }
  // INVALID_ARGUMENT when some evidence does not answer the step before it, or follows the end.
  absl::StatusOr<policy::v1::NextReply> Next(const policy::v1::NextRequest& request) override;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_PLUGINS_POLICY_VISUAL_POLICY_H_
