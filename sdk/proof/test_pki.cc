#include "sdk/proof/test_pki.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>

namespace madoguchi::test {
namespace {

void Must(bool done, const char* what) {
  if (done) return;
  std::fprintf(stderr, "test keys: %s failed\n", what);
  ERR_print_errors_fp(stderr);
  std::abort();
}

void AddName(X509_NAME* name, const char* field, const std::string& value) {
  Must(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                  reinterpret_cast<const unsigned char*>(value.data()),
                                  static_cast<int>(value.size()), -1, 0) == 1,
       "naming");
}

void AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  Must(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1, "an extension");
  X509_EXTENSION_free(extension);
}

std::shared_ptr<X509> Blank(const Key& key, const CertificateForm& form) {
  std::shared_ptr<X509> certificate(X509_new(), X509_free);
  Must(certificate != nullptr && X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), form.serial) == 1 &&
           ASN1_TIME_set(X509_getm_notBefore(certificate.get()), form.not_before) != nullptr &&
           ASN1_TIME_set(X509_getm_notAfter(certificate.get()), form.not_after) != nullptr &&
           X509_set_pubkey(certificate.get(), key.get()) == 1,
       "a certificate");
  return certificate;
}

template <typename Write>
std::string Written(const Write& write) {
  std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  Must(write(bio.get()) == 1, "PEM");
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(length));
}

}  // namespace

Key RsaKey(int bits, unsigned exponent) {
  std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> making(
      EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nullptr), EVP_PKEY_CTX_free);
  std::unique_ptr<BIGNUM, decltype(&BN_free)> e(BN_new(), BN_free);
  EVP_PKEY* key = nullptr;
  Must(BN_set_word(e.get(), exponent) == 1 && EVP_PKEY_keygen_init(making.get()) == 1 &&
           EVP_PKEY_CTX_set_rsa_keygen_bits(making.get(), bits) == 1 &&
           EVP_PKEY_CTX_set1_rsa_keygen_pubexp(making.get(), e.get()) == 1 &&
           EVP_PKEY_keygen(making.get(), &key) == 1,
       "an RSA key");
  return Key(key, EVP_PKEY_free);
}

Key EcKey() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  Must(key != nullptr, "an EC key");
  return Key(key, EVP_PKEY_free);
}

CertificateForm ValidNow() {
  CertificateForm form;
  form.not_before = std::time(nullptr) - 3600;
  form.not_after = std::time(nullptr) + 365 * 24 * 3600;
  return form;
}

Authority MakeAuthority(const std::string& unit) {
  CertificateForm form = ValidNow();
  form.serial = 1;
  Authority authority{RsaKey(), nullptr};
  authority.certificate = Blank(authority.key, form);
  X509* const x509 = authority.certificate.get();
  AddName(X509_get_subject_name(x509), "C", "JP");
  AddName(X509_get_subject_name(x509), "O", "JPKI-TEST");
  AddName(X509_get_subject_name(x509), "OU", unit);
  Must(X509_set_issuer_name(x509, X509_get_subject_name(x509)) == 1, "naming");
  AddExtension(x509, x509, NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(x509, x509, NID_key_usage, "critical,keyCertSign,cRLSign");
  Must(X509_sign(x509, authority.key.get(), EVP_sha256()) > 0, "signing");
  return authority;
}

std::shared_ptr<X509> Issue(const Authority& issuer, const Key& key, const CertificateForm& form) {
  const std::shared_ptr<X509> certificate = Blank(key, form);
  X509* const x509 = certificate.get();
  AddName(X509_get_subject_name(x509), "C", "JP");
  AddName(X509_get_subject_name(x509), "CN", form.common_name);
  Must(X509_set_issuer_name(x509, X509_get_subject_name(issuer.certificate.get())) == 1, "naming");
  AddExtension(x509, issuer.certificate.get(), NID_basic_constraints,
               form.ca ? "critical,CA:TRUE" : "CA:FALSE");
  AddExtension(x509, issuer.certificate.get(), NID_key_usage,
               form.ca ? "critical,keyCertSign" : "critical,digitalSignature");
  if (!form.subject_alternative.empty()) {
    AddExtension(x509, issuer.certificate.get(), NID_subject_alt_name, form.subject_alternative);
  }
  Must(X509_sign(x509, issuer.key.get(), form.digest) > 0, "signing");
  return certificate;
}

std::vector<uint8_t> Der(const std::shared_ptr<X509>& certificate) {
  unsigned char* raw = nullptr;
  const int length = i2d_X509(certificate.get(), &raw);
  Must(length > 0, "DER");
  std::vector<uint8_t> der(raw, raw + length);
  OPENSSL_free(raw);
  return der;
}

std::string Pem(const std::shared_ptr<X509>& certificate) {
  return Written([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); });
}

std::string Pem(const Key& key) {
  return Written([&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

std::string SignDigest(const Key& key, const std::string& digest) {
  std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> signing(
      EVP_PKEY_CTX_new(key.get(), nullptr), EVP_PKEY_CTX_free);
  size_t length = 512;
  std::string signature(length, '\0');
  Must(EVP_PKEY_sign_init(signing.get()) == 1 &&
           EVP_PKEY_CTX_set_rsa_padding(signing.get(), RSA_PKCS1_PADDING) == 1 &&
           EVP_PKEY_CTX_set_signature_md(signing.get(), EVP_sha256()) == 1 &&
           EVP_PKEY_sign(signing.get(), reinterpret_cast<unsigned char*>(signature.data()), &length,
                         reinterpret_cast<const unsigned char*>(digest.data()), digest.size()) == 1,
       "signing");
  signature.resize(length);
  return signature;
}

}  // namespace madoguchi::test
