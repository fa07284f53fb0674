#include "sdk/sim/card/pem.h"

#include <openssl/pem.h>

#include "sdk/sim/card/files.h"

namespace madoguchi::sim {
namespace {

std::string Written(BIO* bio) {
  char* bytes = nullptr;
  const auto length = BIO_get_mem_data(bio, &bytes);
  return std::string(bytes, static_cast<size_t>(length));
}

}  // namespace

absl::StatusOr<KeyPtr> ReadKey(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  const BioPtr bio(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  if (key == nullptr) return absl::InvalidArgumentError(path + ": expected a private key in PEM");
  return key;
}

absl::Status WriteKey(const std::string& path, EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return absl::InternalError("cannot encode a key");
  }
  return WriteFile(path, Written(bio.get()), 0600);
}

absl::StatusOr<CertificatePtr> ReadCertificate(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  const BioPtr bio(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  CertificatePtr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
  if (certificate == nullptr) {
    return absl::InvalidArgumentError(path + ": expected a certificate in PEM");
  }
  return certificate;
}

absl::Status WriteCertificate(const std::string& path, X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(bio.get(), certificate) != 1) {
    return absl::InternalError("cannot encode a certificate");
  }
  return WriteFile(path, Written(bio.get()), 0644);
}

}  // namespace madoguchi::sim
