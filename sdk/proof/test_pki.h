#ifndef MADOGUCHI_SDK_PROOF_TEST_PKI_H_
#define MADOGUCHI_SDK_PROOF_TEST_PKI_H_

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

// Keys and certificates for tests. Everything is made in the process and means nothing outside it.
// A step that OpenSSL refuses ends the process: a test cannot go on without its keys.
namespace madoguchi::test {

using Key = std::shared_ptr<EVP_PKEY>;

Key RsaKey(int bits = 2048, unsigned exponent = 65537);
Key EcKey();  // P-256

struct CertificateForm {
  std::string common_name = "SYNTHETIC0TEST000000001";
  uint64_t serial = 0x1a2b3c;
  time_t not_before = 0;  // seconds since 1970
  time_t not_after = 0;
  bool ca = false;
  std::string subject_alternative;  // as OpenSSL's configuration has it: "DNS:localhost"
  const EVP_MD* digest = EVP_sha256();
};

// A form that is valid from an hour ago to a year ahead.
CertificateForm ValidNow();

struct Authority {
  Key key;
  std::shared_ptr<X509> certificate;
};

// A self-signed CA called C=JP, O=JPKI-TEST, OU=`unit`.
Authority MakeAuthority(const std::string& unit = "Synthetic CA");

// A certificate for `key`, named C=JP, CN=`form.common_name`, signed by `issuer`.
std::shared_ptr<X509> Issue(const Authority& issuer, const Key& key, const CertificateForm& form);

std::vector<uint8_t> Der(const std::shared_ptr<X509>& certificate);
std::string Pem(const std::shared_ptr<X509>& certificate);
std::string Pem(const Key& key);  // the private key, PKCS#8, unencrypted

// RSASSA-PKCS1-v1_5 over SHA-256, as a card makes it, of a digest of 32 bytes.
std::string SignDigest(const Key& key, const std::string& digest);

}  // namespace madoguchi::test

#endif  // MADOGUCHI_SDK_PROOF_TEST_PKI_H_
