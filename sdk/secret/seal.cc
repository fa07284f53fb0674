#include "sdk/secret/seal.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include <algorithm>

#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

constexpr size_t kPointSize = 65;
constexpr size_t kKeySize = 32;
constexpr size_t kNonceSize = 12;
constexpr size_t kTagSize = 16;
constexpr size_t kPlainSize = 1 + kLongestPin;
constexpr char kInfo[] = "madoguchi pin v1";
constexpr char kPromptInfo[] = "madoguchi prompt v1";

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Pkey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Freed<EVP_CIPHER_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;

const unsigned char* Bytes(const std::string& s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}

Pkey PublicKeyOf(const std::string& point) {
  if (point.size() != kPointSize) return nullptr;
  PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  char group[] = "P-256";
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, const_cast<char*>(point.data()),
                                        point.size()),
      OSSL_PARAM_construct_end()};
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
    return nullptr;
  }
  return Pkey(key);
}

std::string PointOf(EVP_PKEY* key) {
  std::string point(kPointSize, '\0');
  size_t size = 0;
  if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY,
                                      reinterpret_cast<unsigned char*>(point.data()), point.size(),
                                      &size) != 1 ||
      size != kPointSize) {
    return "";
  }
  return point;
}

// 44 bytes, AES key then nonce, from the shared point and both public keys.
absl::StatusOr<Secret> Derive(EVP_PKEY* own, EVP_PKEY* peer, const std::string& prompt_point,
                              const std::string& ephemeral_point) {
  absl::StatusOr<Secret> shared = Secret::OfSize(32);
  if (!shared.ok()) return shared;
  PkeyContext ecdh(EVP_PKEY_CTX_new_from_pkey(nullptr, own, nullptr));
  size_t size = shared->size();
  if (!ecdh || EVP_PKEY_derive_init(ecdh.get()) != 1 ||
      EVP_PKEY_derive_set_peer(ecdh.get(), peer) != 1 ||
      EVP_PKEY_derive(ecdh.get(), shared->bytes().data(), &size) != 1 || size != 32) {
    return absl::InternalError("ECDH failed");
  }
  absl::StatusOr<Secret> keys = Secret::OfSize(kKeySize + kNonceSize);
  if (!keys.ok()) return keys;
  const std::string salt = prompt_point + ephemeral_point;
  PkeyContext hkdf(EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr));
  size = keys->size();
  if (!hkdf || EVP_PKEY_derive_init(hkdf.get()) != 1 ||
      EVP_PKEY_CTX_set_hkdf_md(hkdf.get(), EVP_sha256()) != 1 ||
      EVP_PKEY_CTX_set1_hkdf_salt(hkdf.get(), Bytes(salt), salt.size()) != 1 ||
      EVP_PKEY_CTX_set1_hkdf_key(hkdf.get(), shared->bytes().data(), shared->size()) != 1 ||
      EVP_PKEY_CTX_add1_hkdf_info(hkdf.get(), reinterpret_cast<const unsigned char*>(kInfo),
                                  sizeof(kInfo) - 1) != 1 ||
      EVP_PKEY_derive(hkdf.get(), keys->bytes().data(), &size) != 1) {
    return absl::InternalError("HKDF failed");
  }
  return keys;
}

absl::Status SealInvalid() { return FailureStatus(check::v1::FAILURE_CODE_PIN_SEAL_INVALID); }

}  // namespace

struct PromptKey::Key {
  Pkey pkey;
};

bool HasForm(const Secret& pin, const check::v1::PinForm& form) {
  if (pin.size() < std::max<size_t>(form.shortest(), 1) ||
      pin.size() > std::min<size_t>(form.longest(), kLongestPin)) {
    return false;
  }
  return std::all_of(pin.bytes().begin(), pin.bytes().end(), [&](uint8_t c) {
    return form.digits() ? c >= '0' && c <= '9' : c > 0x20 && c < 0x7f;
  });
}

absl::StatusOr<desk::v1::SealedPin> SealPin(const Secret& pin, const desk::v1::PinPrompt& prompt,
                                            const std::string& check_id) {
  if (pin.empty() || pin.size() > kLongestPin) {
    return absl::InvalidArgumentError("a PIN has 1 to 16 characters");
  }
  const Pkey peer = PublicKeyOf(prompt.public_key());
  if (!peer) return absl::InvalidArgumentError("the prompt's key is not a point of P-256");
  const Pkey ephemeral(EVP_EC_gen("P-256"));
  if (!ephemeral) return absl::InternalError("no randomness for a key");
  desk::v1::SealedPin sealed;
  sealed.set_prompt_id(prompt.prompt_id());
  sealed.set_ephemeral_public_key(PointOf(ephemeral.get()));
  const auto keys =
      Derive(ephemeral.get(), peer.get(), prompt.public_key(), sealed.ephemeral_public_key());
  if (!keys.ok()) return keys.status();

  // The plaintext has one length whatever the PIN's: an observer learns nothing from it.
  absl::StatusOr<Secret> plain = Secret::OfSize(kPlainSize);
  if (!plain.ok()) return plain.status();
  plain->bytes()[0] = static_cast<uint8_t>(pin.size());
  std::copy(pin.bytes().begin(), pin.bytes().end(), plain->bytes().begin() + 1);

  std::string out(kPlainSize + kTagSize, '\0');
  auto* const cipher = reinterpret_cast<unsigned char*>(out.data());
  const std::string associated = check_id + prompt.prompt_id();
  const unsigned char* key = keys->bytes().data();
  CipherContext context(EVP_CIPHER_CTX_new());
  int size = 0;
  if (!context ||
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key, key + kKeySize) != 1 ||
      EVP_EncryptUpdate(context.get(), nullptr, &size, Bytes(associated), associated.size()) != 1 ||
      EVP_EncryptUpdate(context.get(), cipher, &size, plain->bytes().data(), plain->size()) != 1 ||
      EVP_EncryptFinal_ex(context.get(), cipher + kPlainSize, &size) != 1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagSize, cipher + kPlainSize) !=
          1) {
    return absl::InternalError("sealing failed");
  }
  sealed.set_ciphertext(out);
  context.reset();
  WipeStackBelow();
  return sealed;
}

absl::StatusOr<std::unique_ptr<PromptKey>> PromptKey::Make() {
  std::unique_ptr<PromptKey> made(new PromptKey);
  made->prompt_id_.resize(16);
  if (RAND_bytes(reinterpret_cast<unsigned char*>(made->prompt_id_.data()), 16) != 1) {
    return absl::InternalError("no randomness");
  }
  made->key_ = std::make_unique<Key>();
  made->key_->pkey.reset(EVP_EC_gen("P-256"));
  if (!made->key_->pkey) return absl::InternalError("no randomness for a key");
  made->public_key_ = PointOf(made->key_->pkey.get());
  return made;
}

PromptKey::~PromptKey() = default;

absl::StatusOr<Secret> PromptKey::Open(const desk::v1::SealedPin& sealed,
                                       const std::string& check_id) const {
  if (sealed.prompt_id() != prompt_id_ || sealed.ciphertext().size() != kPlainSize + kTagSize) {
    return SealInvalid();
  }
  const Pkey peer = PublicKeyOf(sealed.ephemeral_public_key());
  if (!peer) return SealInvalid();
  const auto keys =
      Derive(key_->pkey.get(), peer.get(), public_key_, sealed.ephemeral_public_key());
  if (!keys.ok()) return SealInvalid();
  absl::StatusOr<Secret> plain = Secret::OfSize(kPlainSize);
  if (!plain.ok()) return plain.status();
  const std::string associated = check_id + prompt_id_;
  std::string tag = sealed.ciphertext().substr(kPlainSize);
  const unsigned char* key = keys->bytes().data();
  CipherContext context(EVP_CIPHER_CTX_new());
  int size = 0;
  if (!context ||
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key, key + kKeySize) != 1 ||
      EVP_DecryptUpdate(context.get(), nullptr, &size, Bytes(associated), associated.size()) != 1 ||
      EVP_DecryptUpdate(context.get(), plain->bytes().data(), &size, Bytes(sealed.ciphertext()),
                        kPlainSize) != 1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagSize, tag.data()) != 1 ||
      EVP_DecryptFinal_ex(context.get(), plain->bytes().data() + size, &size) != 1) {
    return SealInvalid();
  }
  context.reset();
  const size_t length = plain->bytes()[0];
  if (length == 0 || length > kLongestPin) return SealInvalid();
  absl::StatusOr<Secret> pin = Secret::OfSize(length);
  if (!pin.ok()) return pin.status();
  std::copy_n(plain->bytes().begin() + 1, length, pin->bytes().begin());
  WipeStackBelow();
  return pin;
}

std::string PromptText(const desk::v1::PinPrompt& prompt, const std::string& check_id) {
  return kPromptInfo + check_id + prompt.prompt_id() + prompt.public_key();
}

bool IsPromptOf(const std::string& host_public_key, const desk::v1::PinPrompt& prompt,
                const std::string& check_id) {
  const unsigned char* at = Bytes(host_public_key);
  const Pkey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(host_public_key.size())));
  if (!key) return false;
  const std::string text = PromptText(prompt, check_id);
  DigestContext context(EVP_MD_CTX_new());
  return context &&
         EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), Bytes(prompt.signature()), prompt.signature().size(),
                          Bytes(text), text.size()) == 1;
}

}  // namespace madoguchi
