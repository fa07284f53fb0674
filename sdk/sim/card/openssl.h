#ifndef MADOGUCHI_SDK_SIM_CARD_OPENSSL_H_
#define MADOGUCHI_SDK_SIM_CARD_OPENSSL_H_

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>

namespace madoguchi::sim {

template <auto Free>
struct OpensslFree {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

// Owners of OpenSSL's objects. Keys and certificates are shared by the files of one card.
using KeyPtr = std::shared_ptr<EVP_PKEY>;
using CertificatePtr = std::shared_ptr<X509>;
using BioPtr = std::unique_ptr<BIO, OpensslFree<BIO_free>>;
using NamePtr = std::unique_ptr<X509_NAME, OpensslFree<X509_NAME_free>>;

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_OPENSSL_H_
