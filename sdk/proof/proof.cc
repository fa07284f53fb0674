#include "sdk/proof/proof.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <cstdint>
#include <memory>

#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

constexpr size_t kDigestLength = 32;
// DER of DigestInfo{SHA-256, NULL} up to the hash (RFC 8017, section 9.2, note 1).
constexpr char kDigestInfoPrefix[] =
    "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";

void AppendField(const std::string& field, std::string* text) {
  const auto length = static_cast<uint32_t>(field.size());
  for (int shift = 24; shift >= 0; shift -= 8) {
    text->push_back(static_cast<char>((length >> shift) & 0xff));
  }
  *text += field;
}

absl::Status Wrong(const std::string& detail) {
  return FailureStatus(check::v1::FAILURE_CODE_SIGNATURE_WRONG, detail);
}

}  // namespace

std::string ProofDigest(const ProofSubject& subject) {
  std::string text = "madoguchi proof v1";
  AppendField(subject.authority_id, &text);
  AppendField(subject.host_id, &text);
  AppendField(subject.check_id, &text);
  AppendField(subject.challenge, &text);
  AppendField(subject.certificate_sha256, &text);
  std::string digest(kDigestLength, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

std::string DigestInfo(const std::string& sha256) {
  return std::string(kDigestInfoPrefix, sizeof(kDigestInfoPrefix) - 1) + sha256;
}

absl::Status CheckSignature(const Certificate& certificate, const std::string& digest,
                            const std::string& signature) {
  if (digest.size() != kDigestLength) return Wrong("the digest is not of 32 bytes");
  std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> verification(
      EVP_PKEY_CTX_new(X509_get0_pubkey(certificate.x509()), nullptr), EVP_PKEY_CTX_free);
  const bool fits =
      verification && EVP_PKEY_verify_init(verification.get()) == 1 &&
      EVP_PKEY_CTX_set_rsa_padding(verification.get(), RSA_PKCS1_PADDING) == 1 &&
      EVP_PKEY_CTX_set_signature_md(verification.get(), EVP_sha256()) == 1 &&
      EVP_PKEY_verify(verification.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                      signature.size(), reinterpret_cast<const unsigned char*>(digest.data()),
                      digest.size()) == 1;
  ERR_clear_error();
  return fits ? absl::OkStatus() : Wrong("the signature does not verify");
}

}  // namespace madoguchi
