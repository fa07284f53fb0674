#ifndef MADOGUCHI_HOST_CHECK_FAKE_WORLD_H_
#define MADOGUCHI_HOST_CHECK_FAKE_WORLD_H_

#include <string>

#include "host/check/check.h"
#include "host/play/authority.h"
#include "host/play/cards.h"
#include "host/play/policies.h"
#include "host/play/readers.h"

// Everything a check touches, in memory and by script: what `madoguchid --play` plays with, put
// together for the tests of this folder and those that build on it.
namespace madoguchi::fake {

using namespace play;  // NOLINT: cards, readers, authority, policies.

class Signer final : public PromptSigner {
 public:
  absl::StatusOr<std::string> Sign(const std::string& text) override { return "signed: " + text; }
};

struct FakeWorld {
  FakeWorld();
  ReaderTable table;
  Readers readers{table};
  Authority authority{"authority.example", "host.example"};
  Signer signer;
  World world;
};

// `pin` sealed to the prompt of `check_id`, as a screen does it.
desk::v1::SealedPin Seal(const std::string& pin, const desk::v1::PinPrompt& prompt,
                         const std::string& check_id);

}  // namespace madoguchi::fake

#endif  // MADOGUCHI_HOST_CHECK_FAKE_WORLD_H_
