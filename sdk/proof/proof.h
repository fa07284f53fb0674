#ifndef MADOGUCHI_SDK_PROOF_PROOF_H_
#define MADOGUCHI_SDK_PROOF_PROOF_H_

#include <string>

#include "absl/status/status.h"
#include "sdk/proof/certificate.h"

namespace madoguchi {

// What one card signs for one check; the layout stands at authority.v1.Proof. Never bytes that
// somebody else chose: a hostile authority would pass another site's log-in as its challenge.
struct ProofSubject {
  std::string authority_id;
  std::string host_id;
  std::string check_id;            // 32 hexadecimal digits, as text
  std::string challenge;           // 32 bytes
  std::string certificate_sha256;  // 32 bytes
};

// SHA-256 of the text, 32 bytes.
std::string ProofDigest(const ProofSubject& subject);

// The DigestInfo that goes to the card with COMPUTE DIGITAL SIGNATURE (80 2A 00 80): 51 bytes.
std::string DigestInfo(const std::string& sha256);

// OK when `signature` (RSASSA-PKCS1-v1_5) over `digest` was made by the certificate's key.
// SIGNATURE_WRONG otherwise.
absl::Status CheckSignature(const Certificate& certificate, const std::string& digest,
                            const std::string& signature);

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_PROOF_PROOF_H_
