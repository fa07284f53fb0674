#include "sdk/sim/card/certificates.h"

#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "sdk/sim/card/other_applications.h"

namespace madoguchi::sim {
namespace {

using StorePtr = std::unique_ptr<X509_STORE, OpensslFree<X509_STORE_free>>;
using ContextPtr = std::unique_ptr<X509_STORE_CTX, OpensslFree<X509_STORE_CTX_free>>;

// X509_V_OK or OpenSSL's reason.
int Verify(const Issuer& issuer, X509* certificate) {
  const StorePtr store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), issuer.certificate.get());
  const ContextPtr context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), certificate, nullptr);
  X509_verify_cert(context.get());
  return X509_STORE_CTX_get_error(context.get());
}

std::string Text(const X509_NAME* name) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* bytes = nullptr;
  const auto length = BIO_get_mem_data(bio.get(), &bytes);
  return std::string(bytes, static_cast<size_t>(length));
}

struct Hierarchy {
  Issuer auth = *MakeIssuer(Purpose::kAuthentication);
  Issuer sign = *MakeIssuer(Purpose::kSignature);
  KeyPtr key = *MakeKey();
};

const Hierarchy& TheHierarchy() {
  static const Hierarchy hierarchy;
  return hierarchy;
}

TEST(Certificates, EverySerialHasTheProfile) {
  const Hierarchy& h = TheHierarchy();
  const time_t in_three_years = time(nullptr) + 3 * 365 * 86400;
  for (uint64_t serial = 0x01000001; serial < 0x01000001 + 60; ++serial) {
    SCOPED_TRACE(serial);
    const CertificatePtr auth = *MakeCertificate(h.auth, h.key.get(), serial, Period::kValid);
    EXPECT_EQ(Verify(h.auth, auth.get()), X509_V_OK);
    // Seven READ BINARYs, as for real ones.
    const std::string der = DerOf(auth.get());
    EXPECT_GT(der.size(), 1536u);
    EXPECT_LT(der.size(), 1700u);
    uint64_t number = 0;
    ASN1_INTEGER_get_uint64(&number, X509_get_serialNumber(auth.get()));
    EXPECT_EQ(number, serial);
    EXPECT_EQ(X509_cmp_time(X509_get0_notAfter(auth.get()), const_cast<time_t*>(&in_three_years)),
              1);
    const ASN1_TIME* end = X509_get0_notAfter(auth.get());
    const std::string end_text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(end)));
    EXPECT_EQ(end_text.substr(2, 4), PersonOf(serial).birth_date.substr(4));
    EXPECT_EQ(end_text.substr(6), "145959Z");
    EXPECT_EQ(X509_get_key_usage(auth.get()), uint32_t{KU_DIGITAL_SIGNATURE});
  }
}

TEST(Certificates, Names) {
  const Hierarchy& h = TheHierarchy();
  const CertificatePtr auth = *MakeCertificate(h.auth, h.key.get(), 42, Period::kValid);
  const CertificatePtr sign = *MakeCertificate(h.sign, h.key.get(), 42, Period::kValid);
  EXPECT_EQ(Text(X509_get_subject_name(auth.get())), "CN=TEST000000004299999001A,C=JP");
  EXPECT_EQ(Text(X509_get_subject_name(sign.get())), "CN=TEST000000004299999001B,L=Mihon-shi,C=JP");
  EXPECT_EQ(Text(X509_get_issuer_name(auth.get())),
            "OU=Japan Agency for Local Authority Information Systems,OU=JPKI for user "
            "authentication,O=JPKI-TEST,C=JP");
  EXPECT_EQ(X509_get_key_usage(sign.get()), uint32_t{KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION});
  EXPECT_EQ(Verify(h.sign, sign.get()), X509_V_OK);
  EXPECT_NE(Verify(h.auth, sign.get()), X509_V_OK);
}

TEST(Certificates, OtherPeriodsAreOutOfTimeAndAllElseIsTheSame) {
  const Hierarchy& h = TheHierarchy();
  for (uint64_t serial = 1; serial <= 40; ++serial) {
    SCOPED_TRACE(serial);
    const CertificatePtr expired = *MakeCertificate(h.auth, h.key.get(), serial, Period::kExpired);
    const CertificatePtr early =
        *MakeCertificate(h.auth, h.key.get(), serial, Period::kNotYetValid);
    EXPECT_EQ(Verify(h.auth, expired.get()), X509_V_ERR_CERT_HAS_EXPIRED);
    EXPECT_EQ(Verify(h.auth, early.get()), X509_V_ERR_CERT_NOT_YET_VALID);
    EXPECT_LT(
        ASN1_TIME_compare(X509_get0_notBefore(expired.get()), X509_get0_notAfter(expired.get())),
        0);
    EXPECT_EQ(
        ASN1_INTEGER_cmp(X509_get_serialNumber(expired.get()), X509_get_serialNumber(early.get())),
        0);
  }
}

TEST(Certificates, AnotherCaOfTheSameNameIsFoundByItsSignature) {
  const Hierarchy& h = TheHierarchy();
  const Issuer other = *MakeIssuer(Purpose::kAuthentication);
  const CertificatePtr certificate = *MakeCertificate(other, h.key.get(), 42, Period::kValid);
  EXPECT_EQ(X509_NAME_cmp(X509_get_issuer_name(certificate.get()),
                          X509_get_subject_name(h.auth.certificate.get())),
            0);
  EXPECT_NE(Verify(h.auth, certificate.get()), X509_V_OK);
  EXPECT_EQ(Verify(other, certificate.get()), X509_V_OK);
}

TEST(Certificates, UrlsLeadNowhere) {
  const Hierarchy& h = TheHierarchy();
  for (const Issuer* issuer : {&h.auth, &h.sign}) {
    const std::string der = DerOf(MakeCertificate(*issuer, h.key.get(), 42, Period::kValid)->get());
    size_t count = 0;
    for (size_t at = der.find("http://"); at != std::string::npos;
         at = der.find("http://", at + 1), ++count) {
      EXPECT_NE(der.substr(at, der.find('/', at + 7) - at).find(".invalid"), std::string::npos);
    }
    EXPECT_EQ(count, 2u);
  }
}

TEST(People, HaveCorrectNumbers) {
  // 2 * 2 + 4 * 3 = 16, 16 mod 11 = 5, 11 - 5 = 6.
  EXPECT_EQ(NumberOf(42), "000000000426");
  // Born 1992 (平成4) July 4th.
  EXPECT_EQ(PersonOf(42).birth_date, "19920704");
  EXPECT_EQ(NumberB(42), "04070420350042");
  // Born 1950 (昭和25).
  EXPECT_EQ(NumberB(100).substr(0, 2), "25");
}

}  // namespace
}  // namespace madoguchi::sim
