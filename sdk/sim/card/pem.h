#ifndef MADOGUCHI_SDK_SIM_CARD_PEM_H_
#define MADOGUCHI_SDK_SIM_CARD_PEM_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sdk/sim/card/openssl.h"

namespace madoguchi::sim {

// PEM files of one object each. Keys are PKCS #8 without a password, mode 0600: they belong to
// synthetic people. NotFound where there is no file, InvalidArgument where it holds something else.
absl::StatusOr<KeyPtr> ReadKey(const std::string& path);
absl::Status WriteKey(const std::string& path, EVP_PKEY* key);
absl::StatusOr<CertificatePtr> ReadCertificate(const std::string& path);
absl::Status WriteCertificate(const std::string& path, X509* certificate);

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_PEM_H_
