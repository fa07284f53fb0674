#ifndef MADOGUCHI_SDK_PLUGIN_POLICY_H_
#define MADOGUCHI_SDK_PLUGIN_POLICY_H_

#include "madoguchi/policy/v1/policy.pb.h"
#include "sdk/plugin/plugin.h"

namespace madoguchi::plugin {

class Policy : public Plugin {
 public:
  // What comes next after `evidence` (oldest first, at most 32). A pure function of the settings
  // and the evidence: it may be asked twice and must say the same. Called from several threads at
  // once.
  virtual absl::StatusOr<policy::v1::NextReply> Next(const policy::v1::NextRequest& evidence) = 0;
};

// Serves `policy` on fd 3 until the host is gone. Returns the exit status for main().
int Serve(Policy& policy);

}  // namespace madoguchi::plugin

#endif  // MADOGUCHI_SDK_PLUGIN_POLICY_H_
