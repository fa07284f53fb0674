#include "readers/bluetooth/acr_session.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace madoguchi::bluetooth {
namespace {

constexpr uint8_t kFill = 0xFF;

absl::Status Crypt(const Secret& key, std::span<uint8_t> bytes, int encrypt) {
  if (key.size() != kAesBlock || bytes.size() % kAesBlock != 0) {
    return absl::InternalError("AES-128 needs a key of 16 bytes and whole blocks");
  }
  const uint8_t iv[kAesBlock] = {};
  std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> aes(EVP_CIPHER_CTX_new(),
                                                                      EVP_CIPHER_CTX_free);
  int size = 0;
  if (aes == nullptr ||
      EVP_CipherInit_ex(aes.get(), EVP_aes_128_cbc(), nullptr, key.bytes().data(), iv, encrypt) !=
          1 ||
      EVP_CIPHER_CTX_set_padding(aes.get(), 0) != 1 ||
      EVP_CipherUpdate(aes.get(), bytes.data(), &size, bytes.data(),
                       static_cast<int>(bytes.size())) != 1 ||
      static_cast<size_t>(size) != bytes.size()) {
    return absl::InternalError("AES-128 failed");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status AesEncrypt(const Secret& key, std::span<uint8_t> bytes) {
  return Crypt(key, bytes, 1);
}

absl::Status AesDecrypt(const Secret& key, std::span<uint8_t> bytes) {
  return Crypt(key, bytes, 0);
}

absl::StatusOr<Secret> AcrSession::Prove(std::span<const uint8_t> challenge) {
  if (challenge.size() != kAesBlock) return absl::DataLossError("a challenge of another length");
  auto nonces = Secret::OfSize(2 * kAesBlock);
  auto proof = Secret::OfSize(2 * kAesBlock);
  if (!nonces.ok()) return nonces.status();
  if (!proof.ok()) return proof.status();
  const auto a = nonces->bytes().first(kAesBlock), b = nonces->bytes().last(kAesBlock);
  std::copy(challenge.begin(), challenge.end(), a.begin());
  if (absl::Status status = AesDecrypt(master_key_, a); !status.ok()) return status;
  if (!random_(b)) return absl::InternalError("no random bytes");
  std::copy(b.begin(), b.end(), proof->bytes().begin());
  std::copy(a.begin(), a.end(), proof->bytes().begin() + kAesBlock);
  if (absl::Status status = AesDecrypt(master_key_, proof->bytes()); !status.ok()) return status;
  nonces_ = *std::move(nonces);
  return proof;
}

absl::Status AcrSession::Believe(std::span<const uint8_t> proof) {
  if (nonces_.empty()) return absl::FailedPreconditionError("Prove comes first");
  if (proof.size() != kAesBlock) return absl::DataLossError("a proof of another length");
  auto said = Secret::OfSize(kAesBlock);
  auto key = Secret::OfSize(kAesBlock);
  if (!said.ok()) return said.status();
  if (!key.ok()) return key.status();
  std::copy(proof.begin(), proof.end(), said->bytes().begin());
  if (absl::Status status = AesDecrypt(master_key_, said->bytes()); !status.ok()) return status;
  const auto a = nonces_.bytes().first(kAesBlock), b = nonces_.bytes().last(kAesBlock);
  if (CRYPTO_memcmp(said->bytes().data(), b.data(), kAesBlock) != 0) {
    return absl::UnauthenticatedError("the reader does not prove that it has the master key");
  }
  std::copy_n(a.begin(), kAesBlock / 2, key->bytes().begin());
  std::copy_n(b.begin(), kAesBlock / 2, key->bytes().begin() + kAesBlock / 2);
  key_ = *std::move(key);
  nonces_.Wipe();
  return absl::OkStatus();
}

absl::StatusOr<Secret> AcrSession::Seal(const Secret& block) const {
  auto sealed = Secret::OfSize((block.size() + kAesBlock - 1) / kAesBlock * kAesBlock);
  if (!sealed.ok()) return sealed.status();
  const auto end = std::copy(block.bytes().begin(), block.bytes().end(), sealed->bytes().begin());
  std::fill(end, sealed->bytes().end(), kFill);
  if (absl::Status status = AesEncrypt(key_, sealed->bytes()); !status.ok()) return status;
  return sealed;
}

absl::StatusOr<AcrBlock> AcrSession::Open(std::span<const uint8_t> payload) const {
  size_t used = 0;
  if (payload.size() == kAcrBlockHeader) {
    auto block = ParseAcrBlock(payload, &used);
    if (block.ok() && block->type != AcrType::kError) {
      return absl::DataLossError("a plain block that is no error");
    }
    return block;
  }
  if (payload.empty() || payload.size() % kAesBlock != 0) {
    return absl::DataLossError("an encrypted block of no whole length");
  }
  std::vector<uint8_t> bytes(payload.begin(), payload.end());
  if (absl::Status status = AesDecrypt(key_, bytes); !status.ok()) return status;
  // What it is filled up with is not looked at.
  return ParseAcrBlock(bytes, &used);
}

}  // namespace madoguchi::bluetooth
