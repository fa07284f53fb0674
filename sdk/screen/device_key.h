#ifndef MADOGUCHI_SDK_SCREEN_DEVICE_KEY_H_
#define MADOGUCHI_SDK_SCREEN_DEVICE_KEY_H_

#include <string>

#include "absl/status/statusor.h"

namespace madoguchi::screen {

// A new device's key and the request that AddDevice takes. The key never leaves the device.
struct KeyAndRequest {
  std::string private_key_pem;  // P-256, PKCS#8, not encrypted
  std::string request_der;      // PKCS#10, signed with ECDSA and SHA-256
};

// `name` becomes the request's common name; the host takes the name from AddDevice, not from here.
// INTERNAL when OpenSSL has no randomness to give.
absl::StatusOr<KeyAndRequest> MakeKeyAndRequest(const std::string& name);

}  // namespace madoguchi::screen

#endif  // MADOGUCHI_SDK_SCREEN_DEVICE_KEY_H_
