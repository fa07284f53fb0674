// A card's certificate, and a clinic's file of trust anchors, are strangers' bytes.
#include <cstdlib>

#include "sdk/proof/certificate.h"
#include "sdk/proof/proof.h"
#include "sdk/proof/test_pki.h"

namespace {

struct Known {
  madoguchi::test::Authority authority = madoguchi::test::MakeAuthority();
  std::vector<uint8_t> der = madoguchi::test::Der(
      madoguchi::test::Issue(authority, madoguchi::test::RsaKey(), madoguchi::test::ValidNow()));
  madoguchi::TrustAnchors anchors =
      *madoguchi::TrustAnchors::FromPem(madoguchi::test::Pem(authority.certificate));
};

const Known* known = nullptr;

}  // namespace

// Making RSA keys takes seconds now and then, which are not the first input's.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  known = new Known;
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  if (data[0] % 4 == 3) {
    const auto anchors = madoguchi::TrustAnchors::FromPem(
        std::string(reinterpret_cast<const char*>(data + 1), size - 1));
    return 0;
  }
  std::vector<uint8_t> der(data + 1, data + size);
  if (data[0] % 4 != 0) {
    // A good certificate with some bytes replaced gets past the first tag.
    der = known->der;
    for (size_t i = 1; i + 2 < size; i += 3) {
      der[(static_cast<size_t>(data[i]) << 8 | data[i + 1]) % der.size()] = data[i + 2];
    }
  }
  const auto certificate = madoguchi::Certificate::Parse(der);
  if (!certificate.ok()) return 0;
  const bool believed = known->anchors.Check(*certificate, std::chrono::system_clock::now()).ok();
  if (believed && certificate->der() != known->der) abort();
  const std::string digest = madoguchi::ProofDigest({"a", "h", "c", "x", certificate->sha256()});
  if (madoguchi::CheckSignature(*certificate, digest, std::string(256, '\1')).ok()) abort();
  return 0;
}
