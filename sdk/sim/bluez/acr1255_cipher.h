#ifndef MADOGUCHI_SDK_SIM_BLUEZ_ACR1255_CIPHER_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_ACR1255_CIPHER_H_

#include <span>

#include "sdk/sim/bluez/value.h"

namespace madoguchi::bluez::acr1255 {

inline constexpr size_t kKeySize = 16;

// The Customer Master Key with which readers leave the factory.
Bytes DefaultMasterKey();

// AES-128-CBC with an IV of zeros and no padding. The key is kKeySize bytes, `bytes` n * 16.
Bytes Encrypt(const Bytes& key, std::span<const uint8_t> bytes);
Bytes Decrypt(const Bytes& key, std::span<const uint8_t> bytes);

// 16 bytes that nobody can foresee.
Bytes Challenge();

// The first halves of the reader's challenge A and the host's B (Reference Manual, 5.7.4).
Bytes SessionKey(const Bytes& a, std::span<const uint8_t> b);

}  // namespace madoguchi::bluez::acr1255

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_ACR1255_CIPHER_H_
