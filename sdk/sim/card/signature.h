#ifndef MADOGUCHI_SDK_SIM_CARD_SIGNATURE_H_
#define MADOGUCHI_SDK_SIM_CARD_SIGNATURE_H_

#include <cstdint>
#include <optional>
#include <span>

#include "sdk/sim/card/apdu.h"
#include "sdk/sim/card/openssl.h"

namespace madoguchi::sim {

// What P1 of COMPUTE DIGITAL SIGNATURE chooses (measured on cards: soltia48/myna-card).
enum class SignatureForm : uint8_t {
  kVerbatim = 0,     // PKCS #1 v1.5 around the data as they are, 1 to 245 bytes.
  kBareHash = 1,     // The card hashes (SHA-256); PKCS #1 v1.5 around the bare hash.
  kHashInfo = 2,     // The data are a SHA-256; PKCS #1 v1.5 around its DigestInfo.
  kMessageInfo = 3,  // The card hashes; PKCS #1 v1.5 around the DigestInfo.
  kHashPss = 4,      // The data are a SHA-256; PSS with a random salt of 32 bytes.
  kMessagePss = 5,   // The card hashes; PSS.
};

// True where the form takes data of this length.
bool TakesLength(SignatureForm form, size_t length);

// 256 bytes for an RSA-2048 key. Nothing where the key cannot sign.
std::optional<Bytes> ComputeSignature(EVP_PKEY* key, SignatureForm form,
                                      std::span<const uint8_t> data);

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_SIGNATURE_H_
