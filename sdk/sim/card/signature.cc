#include "sdk/sim/card/signature.h"

#include <openssl/rsa.h>
#include <openssl/sha.h>

namespace madoguchi::sim {
namespace {

using ContextPtr = std::unique_ptr<EVP_PKEY_CTX, OpensslFree<EVP_PKEY_CTX_free>>;

constexpr uint8_t kSha256Info[] = {0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                   0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
constexpr size_t kLongestPayload = 245;  // 256 less the 11 bytes of PKCS #1 v1.5.

}  // namespace

bool TakesLength(SignatureForm form, size_t length) {
  switch (form) {
    case SignatureForm::kVerbatim:
      return length >= 1 && length <= kLongestPayload;
    case SignatureForm::kHashInfo:
    case SignatureForm::kHashPss:
      return length == SHA256_DIGEST_LENGTH;
    default:
      return length >= 1;
  }
}

std::optional<Bytes> ComputeSignature(EVP_PKEY* key, SignatureForm form,
                                      std::span<const uint8_t> data) {
  Bytes payload(data.begin(), data.end());
  if (form == SignatureForm::kBareHash || form == SignatureForm::kMessageInfo ||
      form == SignatureForm::kMessagePss) {
    payload.resize(SHA256_DIGEST_LENGTH);
    SHA256(data.data(), data.size(), payload.data());
  }
  if (form == SignatureForm::kHashInfo || form == SignatureForm::kMessageInfo) {
    payload.insert(payload.begin(), std::begin(kSha256Info), std::end(kSha256Info));
  }
  const bool pss = form == SignatureForm::kHashPss || form == SignatureForm::kMessagePss;

  const ContextPtr context(EVP_PKEY_CTX_new(key, nullptr));
  if (context == nullptr || EVP_PKEY_sign_init(context.get()) != 1) return std::nullopt;
  if (pss) {
    if (EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PSS_PADDING) != 1 ||
        EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) != 1 ||
        EVP_PKEY_CTX_set_rsa_pss_saltlen(context.get(), SHA256_DIGEST_LENGTH) != 1) {
      return std::nullopt;
    }
  } else if (EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1) {
    return std::nullopt;
  }
  Bytes signature(static_cast<size_t>(EVP_PKEY_get_size(key)));
  size_t length = signature.size();
  if (EVP_PKEY_sign(context.get(), signature.data(), &length, payload.data(), payload.size()) !=
      1) {
    return std::nullopt;
  }
  signature.resize(length);
  return signature;
}

}  // namespace madoguchi::sim
