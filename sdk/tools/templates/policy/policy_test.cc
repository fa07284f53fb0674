// Checks as lines: steps and evidence in turn (sdk/conformance/policy_play.h says which words).

#include "policy.h"

#include <iostream>

#include "sdk/conformance/policy_play.h"

#define PROVEN \
  "ASK_PIN PIN_SEALED READ_CERTIFICATE CERTIFICATE_READ PROVE_CARD CARD_PROVEN ASK_AUTHORITY "

constexpr const char* kChecks[] = {
    PROVEN "ANSWERED:VALID FINISH",
    PROVEN "FAILED:AUTHORITY_UNREACHABLE FINISH",
    "ASK_PIN FAILED:PIN_NOT_TYPED FINISH",
    "ASK_PIN PIN_AT_PAD READ_CERTIFICATE FAILED:CARD_GONE FINISH",
    "ASK_PIN PIN_SEALED READ_CERTIFICATE CERTIFICATE_READ PROVE_CARD PIN_REJECTED:2 "
    "ASK_PIN PIN_SEALED PROVE_CARD LAST_TRY ASK_LAST_TRY LAST_TRY_ACCEPTED PROVE_CARD "
    "PIN_BLOCKED FINISH",
    "ASK_PIN VISUAL_MATCH REFUSED",
    // TODO: a line for each way through your workflow.
};

madoguchi::plugin::Settings Digits(const std::string& digits) {
  return madoguchi::plugin::Settings(std::map<std::string, std::string>{{"pin_digits", digits}});
}

int main() {
  MyPolicy policy;
  int failed = 0;
  const absl::Status started = policy.Start(Digits("4"));
  if (!started.ok()) {
    std::cerr << started << "\n";
    ++failed;
  }
  if (policy.Start(Digits("99")).ok()) {
    std::cerr << "pin_digits 99 was taken\n";
    ++failed;
  }
  for (const char* check : kChecks) {
    const absl::Status played = madoguchi::conformance::Play(policy, check);
    if (played.ok()) continue;
    std::cerr << check << "\n  " << played << "\n";
    ++failed;
  }
  return failed == 0 ? 0 : 1;
}
