// A recording comes from anybody; so do the commands that are played against it.
#include <algorithm>
#include <string>

#include "sdk/proof/test_pki.h"
#include "sdk/recording/recorded_card.h"

namespace {

// The start of a recording that makes sense, so that the fuzzer need not find a key.
const std::string& Start() {
  static const auto* const start = [] {
    using namespace madoguchi::test;  // NOLINT
    const Authority ca = MakeAuthority();
    const Key key = RsaKey();
    madoguchi::recording::v1::Recording recording;
    recording.set_version(1);
    recording.set_key_pem(Pem(key));
    recording.set_certificate_pem(Pem(Issue(ca, key, ValidNow())));
    recording.set_trust_anchor_pem(Pem(ca.certificate));
    return new std::string(recording.DebugString());
  }();
  return *start;
}

}  // namespace

// Making RSA keys takes seconds now and then, which are not the first input's.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  (void)Start();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // One byte of choice, then the text; the commands are those of the recording and pieces of it.
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto recording =
      madoguchi::recording::Parse(data[0] % 8 == 0 ? text : Start() + text, "fuzz");
  if (!recording.ok()) return 0;
  madoguchi::recording::RecordedCard card(*recording);
  for (int round = 0; round < 2; ++round) {
    while (card.NextSight() != nullptr) card.ShowSight();
    (void)card.Open();
    for (const auto& event : recording->events) {
      if (const auto* exchange = std::get_if<madoguchi::recording::Exchange>(&event.kind)) {
        std::vector<uint8_t> command = exchange->command;
        if (exchange->kind == madoguchi::recording::v1::Exchange::KIND_SIGN) {
          command.resize(5u + command[4]);
        }
        if (exchange->kind == madoguchi::recording::v1::Exchange::KIND_VERIFY_PIN) {
          command.insert(command.end(), {4, '1', '2', '3', '4'});
        }
        (void)card.Transmit(command);
      }
      if (std::holds_alternative<madoguchi::recording::v1::Close>(event.kind)) card.Close();
      while (card.NextSight() != nullptr) card.ShowSight();
    }
    (void)card.Transmit({data, std::min<size_t>(size, 300)});
    (void)card.over();
    card.Close();
  }
  return 0;
}
