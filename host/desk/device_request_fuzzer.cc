// A certificate request (PKCS#10) comes from whoever wants to be a device.
#include <stdlib.h>

#include <memory>

#include "host/desk/keys.h"

namespace {

const madoguchi::HostKeys& Keys() {
  static const auto* const keys = [] {
    char folder[] = "/tmp/madoguchi-fuzz-XXXXXX";
    return madoguchi::HostKeys::Load(mkdtemp(folder))->release();
  }();
  return *keys;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string request(reinterpret_cast<const char*>(data), size);
  const auto certificate =
      Keys().CertifyDevice(request, "fuzzed", madoguchi::check::v1::ROLE_PATIENT);
  // Whatever the request asks for: what is signed is for this role and can be told again.
  if (certificate.ok() && (madoguchi::RoleOf(*certificate) != madoguchi::check::v1::ROLE_PATIENT ||
                           madoguchi::FingerprintOf(*certificate).size() != 64)) {
    __builtin_trap();
  }
  return 0;
}
