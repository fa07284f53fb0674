#ifndef MADOGUCHI_HOST_PLAY_POLICIES_H_
#define MADOGUCHI_HOST_PLAY_POLICIES_H_

#include <functional>
#include <string>
#include <vector>

#include "host/check/ports.h"

// Policies as functions, without a process.
namespace madoguchi::play {

class Policy final : public PolicyPort {
 public:
  using Flow = std::function<absl::StatusOr<policy::v1::NextReply>(const policy::v1::NextRequest&)>;
  explicit Policy(Flow flow) : flow_(std::move(flow)) {}
  absl::StatusOr<policy::v1::NextReply> Next(const policy::v1::NextRequest& evidence,
                                             const CallLimits& limits) override;

 private:
  const Flow flow_;
};

// The workflows of the two policies that Madoguchi comes with.
Policy::Flow ByPin(int shortest = 4, int longest = 4);
Policy::Flow ByVisualMatch();
// Step n after n pieces of evidence, whatever they say; in protobuf text, such as "ask_pin {}".
Policy::Flow Script(std::vector<std::string> steps);

}  // namespace madoguchi::play

#endif  // MADOGUCHI_HOST_PLAY_POLICIES_H_
