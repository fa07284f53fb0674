// Questions and answers, without a host.

#include "authority.h"

#include <iostream>

#include "sdk/failure/failure.h"

namespace {

namespace codes = madoguchi::check::v1;
namespace v1 = madoguchi::authority::v1;
using madoguchi::CodeOf;
int failed = 0;

void Expect(bool true_so_far, const std::string& what) {
  if (true_so_far) return;
  std::cerr << "expected: " << what << "\n";
  ++failed;
}

class Patient final : public madoguchi::plugin::Call {
 public:
  std::chrono::system_clock::time_point deadline() const override {
    return std::chrono::system_clock::now() + std::chrono::seconds(5);
  }
  bool cancelled() const override { return false; }
};

std::map<std::string, std::string> With(const std::string& persons) {
  return {{"authority_id", "my_authority"},
          {"host_id", "clinic"},
          {"visual", "true"},
          {"persons", persons}};
}

}  // namespace

int main() {
  const Patient call;
  MyAuthority authority;
  const std::string person = "# one synthetic person\n" + std::string(64, 'a') + " VALID\n";
  Expect(authority.Start(madoguchi::plugin::Settings(With(person))).ok(), "Start");
  Expect(!MyAuthority().Start(madoguchi::plugin::Settings(With("taro VALID"))).ok(),
         "a line that names nobody is refused");

  v1::ChallengeRequest request;
  Expect(CodeOf(authority.Challenge(call, request).status()) == codes::FAILURE_CODE_REQUEST_INVALID,
         "a check has an id");
  request.set_check_id("00112233445566778899aabbccddeeff");
  const auto first = authority.Challenge(call, request);
  const auto second = authority.Challenge(call, request);
  Expect(first.ok() && second.ok() && first->challenge().size() == 32, "challenges of 32 bytes");
  if (failed > 0) return 1;
  Expect(first->challenge() != second->challenge(), "no challenge twice");
  Expect(first->authority_id() == "my_authority" && first->host_id() == "clinic", "the names");

  // What follows the challenge is wrong here (no certificate); the challenge is used up all the
  // same.
  v1::AskRequest ask;
  ask.set_check_id(request.check_id());
  ask.mutable_proof()->set_challenge(first->challenge());
  Expect(
      CodeOf(authority.Ask(call, ask).status()) == codes::FAILURE_CODE_CERTIFICATE_UNKNOWN_ISSUER,
      "no answer without a certificate");
  Expect(CodeOf(authority.Ask(call, ask).status()) == codes::FAILURE_CODE_CHALLENGE_SPENT,
         "a challenge serves once");
  ask.mutable_proof()->set_challenge(second->challenge());
  ask.set_check_id("ffeeddccbbaa99887766554433221100");
  Expect(CodeOf(authority.Ask(call, ask).status()) == codes::FAILURE_CODE_CHALLENGE_SPENT,
         "a challenge is for its check");
  return failed == 0 ? 0 : 1;
}
