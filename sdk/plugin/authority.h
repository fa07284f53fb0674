#ifndef MADOGUCHI_SDK_PLUGIN_AUTHORITY_H_
#define MADOGUCHI_SDK_PLUGIN_AUTHORITY_H_

#include <chrono>

#include "madoguchi/authority/v1/authority.pb.h"
#include "sdk/plugin/plugin.h"

namespace madoguchi::plugin {

// One call of the host, as far as its time goes.
class Call {
 public:
  virtual ~Call() = default;
  // Do not work past this.
  virtual std::chrono::system_clock::time_point deadline() const = 0;
  // True once the host no longer waits. Any thread.
  virtual bool cancelled() const = 0;
};

class Authority : public Plugin {
 public:
  // See authority.proto for what each must do and which failures it has. Called from several
  // threads at once; may block until the call's deadline.
  virtual absl::StatusOr<authority::v1::ChallengeReply> Challenge(
      const Call& call, const authority::v1::ChallengeRequest& request) = 0;
  virtual absl::StatusOr<authority::v1::AskReply> Ask(const Call& call,
                                                      const authority::v1::AskRequest& request) = 0;
};

// Serves `authority` on fd 3 until the host is gone. Returns the exit status for main().
int Serve(Authority& authority);

}  // namespace madoguchi::plugin

#endif  // MADOGUCHI_SDK_PLUGIN_AUTHORITY_H_
