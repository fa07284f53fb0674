#include "sdk/sim/bluez/acr1255_cipher.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>

namespace madoguchi::bluez::acr1255 {
namespace {

Bytes Aes(const Bytes& key, std::span<const uint8_t> bytes, int encrypt) {
  static constexpr uint8_t kZeros[kKeySize] = {};
  const std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> cipher(EVP_CIPHER_CTX_new(),
                                                                          EVP_CIPHER_CTX_free);
  EVP_CipherInit_ex(cipher.get(), EVP_aes_128_cbc(), nullptr, key.data(), kZeros, encrypt);
  EVP_CIPHER_CTX_set_padding(cipher.get(), 0);
  Bytes out(bytes.size());
  int size = 0;
  EVP_CipherUpdate(cipher.get(), out.data(), &size, bytes.data(), static_cast<int>(bytes.size()));
  return out;
}

}  // namespace

Bytes DefaultMasterKey() {
  static constexpr char kText[] = "ACR1255U-J1 Auth";
  return Bytes(kText, kText + kKeySize);
}

Bytes Encrypt(const Bytes& key, std::span<const uint8_t> bytes) { return Aes(key, bytes, 1); }

Bytes Decrypt(const Bytes& key, std::span<const uint8_t> bytes) { return Aes(key, bytes, 0); }

Bytes Challenge() {
  Bytes bytes(kKeySize);
  RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

Bytes SessionKey(const Bytes& a, std::span<const uint8_t> b) {
  Bytes key(kKeySize);
  std::copy_n(a.begin(), kKeySize / 2, key.begin());
  std::copy_n(b.begin(), kKeySize / 2, key.begin() + kKeySize / 2);
  return key;
}

}  // namespace madoguchi::bluez::acr1255
