#ifndef MADOGUCHI_SDK_SIM_CARD_CERTIFICATES_H_
#define MADOGUCHI_SDK_SIM_CARD_CERTIFICATES_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "sdk/sim/card/openssl.h"

namespace madoguchi::sim {

// The card's two key pairs: 利用者証明用 and 署名用. Each has a CA of its own.
enum class Purpose { kAuthentication, kSignature };

enum class Period { kValid, kExpired, kNotYetValid };

// An obviously synthetic person, derived from the card's serial number alone.
struct Person {
  std::string name;        // UTF-8, parts divided by U+3000.
  std::string address;     // UTF-8.
  std::string birth_date;  // YYYYMMDD.
  char sex = '1';          // JIS X 0303: 1 male, 2 female.
};
Person PersonOf(uint64_t serial);

// A certification authority of the test hierarchy.
struct Issuer {
  Purpose purpose = Purpose::kAuthentication;
  CertificatePtr certificate;
  KeyPtr key;
};

// RSA-2048, e = 65537: the only kind on these cards.
absl::StatusOr<KeyPtr> MakeKey();

// A self-signed CA with the profile of the real ones: the same distinguished name but for
// O=JPKI-TEST, RSA-2048, SHA-256, ten years. All issuers of one purpose share that name; only
// their keys differ, as those of the real CA's generations do.
absl::StatusOr<Issuer> MakeIssuer(Purpose purpose);

// The certificate of the card with this serial number. Its length is near the 1.6 kB of real ones.
// kValid ends at 23:59:59 Japan time of the fifth birthday after it began, at least three years
// from now; kExpired ended on the last birthday; kNotYetValid begins in a month. What differs from
// a real certificate is listed in README.md.
absl::StatusOr<CertificatePtr> MakeCertificate(const Issuer& issuer, EVP_PKEY* holder_key,
                                               uint64_t serial, Period period);

// DER.
std::string DerOf(X509* certificate);

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_CERTIFICATES_H_
