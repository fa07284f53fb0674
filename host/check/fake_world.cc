#include "host/check/fake_world.h"

#include <algorithm>
#include <cstdlib>

#include "sdk/secret/seal.h"

namespace madoguchi::fake {

FakeWorld::FakeWorld() {
  world.readers = &table;
  world.reader_port = &readers;
  world.authority = &authority;
  world.signer = &signer;
  world.anchors = &Anchors();
  world.host_id = "host.example";
  world.authority_id = "authority.example";
  world.allowance.visual = true;
}

desk::v1::SealedPin Seal(const std::string& pin, const desk::v1::PinPrompt& prompt,
                         const std::string& check_id) {
  auto secret = Secret::OfSize(std::max<size_t>(pin.size(), 1));
  std::copy(pin.begin(), pin.end(), secret->bytes().begin());
  auto sealed = SealPin(*secret, prompt, check_id);
  if (!sealed.ok()) std::abort();
  return *sealed;
}

}  // namespace madoguchi::fake
