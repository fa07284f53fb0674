#include "sdk/sim/card/signature.h"

#include <gtest/gtest.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include "sdk/sim/card/hex.h"
#include "sdk/sim/card/memory_card.h"

namespace madoguchi::sim {
namespace {

// The block inside the signature, without PKCS #1 padding; empty where the padding is wrong.
Bytes Recovered(const Bytes& signature) {
  const std::unique_ptr<EVP_PKEY_CTX, OpensslFree<EVP_PKEY_CTX_free>> context(
      EVP_PKEY_CTX_new(MemoryContents().auth_key.get(), nullptr));
  EVP_PKEY_verify_recover_init(context.get());
  EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING);
  Bytes block(256);
  size_t length = block.size();
  if (EVP_PKEY_verify_recover(context.get(), block.data(), &length, signature.data(),
                              signature.size()) != 1) {
    return {};
  }
  block.resize(length);
  return block;
}

bool IsPss(const Bytes& signature, const Bytes& hash) {
  const std::unique_ptr<EVP_PKEY_CTX, OpensslFree<EVP_PKEY_CTX_free>> context(
      EVP_PKEY_CTX_new(MemoryContents().auth_key.get(), nullptr));
  EVP_PKEY_verify_init(context.get());
  EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PSS_PADDING);
  EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256());
  return EVP_PKEY_verify(context.get(), signature.data(), signature.size(), hash.data(),
                         hash.size()) == 1;
}

TEST(Signature, FormsSignWhatTheySay) {
  EVP_PKEY* key = MemoryContents().auth_key.get();
  const Bytes message = {'c', 'h', 'a', 'l', 'l', 'e', 'n', 'g', 'e'};
  Bytes hash(SHA256_DIGEST_LENGTH);
  SHA256(message.data(), message.size(), hash.data());
  Bytes info = *FromHex("3031300d060960864801650304020105000420");
  info.insert(info.end(), hash.begin(), hash.end());

  EXPECT_EQ(Recovered(*ComputeSignature(key, SignatureForm::kVerbatim, message)), message);
  EXPECT_EQ(Recovered(*ComputeSignature(key, SignatureForm::kVerbatim, info)), info);
  EXPECT_EQ(Recovered(*ComputeSignature(key, SignatureForm::kBareHash, message)), hash);
  EXPECT_EQ(Recovered(*ComputeSignature(key, SignatureForm::kHashInfo, hash)), info);
  EXPECT_EQ(Recovered(*ComputeSignature(key, SignatureForm::kMessageInfo, message)), info);
  EXPECT_TRUE(IsPss(*ComputeSignature(key, SignatureForm::kHashPss, hash), hash));
  EXPECT_TRUE(IsPss(*ComputeSignature(key, SignatureForm::kMessagePss, message), hash));
  EXPECT_FALSE(IsPss(*ComputeSignature(key, SignatureForm::kMessageInfo, message), hash));
}

TEST(Signature, Lengths) {
  EXPECT_FALSE(TakesLength(SignatureForm::kVerbatim, 0));
  EXPECT_TRUE(TakesLength(SignatureForm::kVerbatim, 245));
  EXPECT_FALSE(TakesLength(SignatureForm::kVerbatim, 246));
  EXPECT_FALSE(TakesLength(SignatureForm::kHashInfo, 31));
  EXPECT_TRUE(TakesLength(SignatureForm::kHashPss, 32));
  EXPECT_TRUE(TakesLength(SignatureForm::kMessagePss, 246));
  const Bytes longest(245, 0xAB);
  EXPECT_EQ(Recovered(*ComputeSignature(MemoryContents().auth_key.get(), SignatureForm::kVerbatim,
                                        longest)),
            longest);
}

}  // namespace
}  // namespace madoguchi::sim
