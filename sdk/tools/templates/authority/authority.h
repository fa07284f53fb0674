#ifndef AUTHORITY_H_
#define AUTHORITY_H_

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "sdk/plugin/authority.h"  // the whole contract of an authority stands there

// Answers from a text file: whose certificate stands in it, that person's insurance is known.
// Thread-safe.
class MyAuthority final : public madoguchi::plugin::Authority {
 public:
  std::string name() const override { return "my_authority"; }
  // The setting `persons` is a text, a person a line: the SHA-256 of the certificate as 64
  // lower-case hexadecimal digits, a space, and the validity: VALID, INVALID, INVALID_REPLACED,
  // NONE or SEVERAL. Empty lines and those that begin with # say nothing.
  absl::Status Start(const madoguchi::plugin::Settings& settings) override;
  absl::StatusOr<madoguchi::authority::v1::ChallengeReply> Challenge(
      const madoguchi::plugin::Call& call,
      const madoguchi::authority::v1::ChallengeRequest& request) override;
  absl::StatusOr<madoguchi::authority::v1::AskReply> Ask(
      const madoguchi::plugin::Call& call,
      const madoguchi::authority::v1::AskRequest& request) override;

 private:
  struct Given {
    std::string check_id;
    std::chrono::steady_clock::time_point until;
  };

  // True once for each challenge that was given for this check and is not too old.
  bool Spend(const std::string& challenge, const std::string& check_id);

  std::string authority_id_, host_id_;
  bool visual_ = false;
  std::map<std::string, madoguchi::check::v1::Validity> persons_;  // by SHA-256, 32 bytes
  std::mutex mutex_;
  std::map<std::string, Given> given_;  // the challenges that nobody has answered yet
};

#endif  // AUTHORITY_H_
