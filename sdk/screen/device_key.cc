#include "sdk/screen/device_key.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

namespace madoguchi::screen {
namespace {

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

}  // namespace

absl::StatusOr<KeyAndRequest> MakeKeyAndRequest(const std::string& name) {
  const std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>> key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509_REQ, Freed<X509_REQ_free>> request(X509_REQ_new());
  const std::unique_ptr<BIO, Freed<BIO_free>> pem(BIO_new(BIO_s_secmem()));
  if (!key || !request || !pem) return absl::InternalError("no key could be made");
  X509_NAME* const subject = X509_REQ_get_subject_name(request.get());
  unsigned char* der = nullptr;
  if (X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(name.data()),
                                 static_cast<int>(name.size()), -1, 0) != 1 ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) == 0 ||
      PEM_write_bio_PKCS8PrivateKey(pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    return absl::InternalError("no certificate request could be made");
  }
  const int size = i2d_X509_REQ(request.get(), &der);
  if (size <= 0) return absl::InternalError("no certificate request could be made");
  KeyAndRequest made;
  made.request_der.assign(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  char* text = nullptr;
  const long length = BIO_get_mem_data(pem.get(), &text);
  made.private_key_pem.assign(text, static_cast<size_t>(length));
  return made;
}

}  // namespace madoguchi::screen
