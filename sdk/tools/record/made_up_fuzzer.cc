// A card's certificate and ATR come from anybody.
#include <chrono>
#include <cstdlib>

#include "sdk/sim/card/memory_card.h"
#include "sdk/tools/record/made_up.h"

namespace {

const madoguchi::record::Keys& Keys() {
  static const madoguchi::record::Keys keys = madoguchi::record::MakeKeys();
  return keys;
}

}  // namespace

// Making RSA keys takes seconds now and then, which are not the first input's.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  (void)Keys();
  (void)madoguchi::sim::MemoryContents();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace madoguchi;  // NOLINT
  const record::Keys& keys = Keys();
  (void)record::ReplaceAtr({data, size});
  // A good certificate with bytes put into it: three of the input say where and which.
  const std::string& good = sim::MemoryContents().auth_certificate;
  record::Bytes der(good.begin(), good.end());
  for (size_t at = 0; at + 3 <= size && at < 30; at += 3) {
    der[(data[at] << 8 | data[at + 1]) % der.size()] = data[at + 2];
  }
  const auto now = std::chrono::system_clock::now();
  const auto replaced = record::ReplaceCertificate(der, 1, now, keys);
  if (replaced.ok() && replaced->certificate.size() != der.size()) abort();
  (void)record::ReplaceCertificate({data, size}, 1, now, keys);
  return 0;
}
