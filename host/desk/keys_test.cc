#include "host/desk/keys.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "sdk/proof/test_pki.h"

namespace madoguchi {
namespace {

using namespace check::v1;  // NOLINT: roles.

std::string RequestOf(const test::Key& key, const test::Key& signer) {
  const std::unique_ptr<X509_REQ, decltype(&X509_REQ_free)> request(X509_REQ_new(), X509_REQ_free);
  X509_REQ_set_pubkey(request.get(), key.get());
  X509_REQ_sign(request.get(), signer.get(), EVP_sha256());
  unsigned char* der = nullptr;
  const int size = i2d_X509_REQ(request.get(), &der);
  std::string bytes(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

std::shared_ptr<X509> Parsed(const std::string& pem) {
  BIO* const bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  std::shared_ptr<X509> certificate(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr), X509_free);
  BIO_free(bio);
  return certificate;
}

class KeysTest : public testing::Test {
 protected:
  KeysTest() {
    char folder[] = "/tmp/madoguchi-keys-XXXXXX";
    folder_ = mkdtemp(folder);
  }
  ~KeysTest() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(KeysTest, AreMadeOnceAndReadAgain) {
  const auto first = *HostKeys::Load(folder_);
  const auto second = *HostKeys::Load(folder_);
  EXPECT_EQ(first->public_key(), second->public_key());
  EXPECT_EQ(first->ca_pem(), second->ca_pem());
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    struct stat facts;
    ASSERT_EQ(stat(entry.path().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600u) << entry.path();
  }
}

TEST_F(KeysTest, TheSignatureIsTheHostKeys) {
  const auto keys = *HostKeys::Load(folder_);
  const std::string signature = *keys->Sign("madoguchi prompt v1");
  const auto host = Parsed(keys->certificate_pem());
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, X509_get0_pubkey(host.get()));
  const auto fits = [&](const std::string& text) {
    return EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()),
                            signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
                            text.size());
  };
  EXPECT_EQ(fits("madoguchi prompt v1"), 1);
  EVP_MD_CTX_free(context);
}

TEST_F(KeysTest, ADevicesCertificateIsForItsKeyNameAndRole) {
  const auto keys = *HostKeys::Load(folder_);
  const test::Key key = test::EcKey();
  const auto pem = keys->CertifyDevice(RequestOf(key, key), "till-1", ROLE_PATIENT);
  ASSERT_TRUE(pem.ok()) << pem.status();
  const auto certificate = Parsed(*pem), ca = Parsed(keys->ca_pem());
  EXPECT_EQ(X509_verify(certificate.get(), X509_get0_pubkey(ca.get())), 1);
  EXPECT_EQ(EVP_PKEY_eq(X509_get0_pubkey(certificate.get()), key.get()), 1);
  char name[64] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name,
                            sizeof(name));
  EXPECT_STREQ(name, "till-1");
  EXPECT_EQ(RoleOf(*pem), ROLE_PATIENT);
  EXPECT_EQ(X509_check_ca(certificate.get()), 0);
  EXPECT_EQ(FingerprintOf(*pem).size(), 64u);
  EXPECT_EQ(RoleOf(keys->certificate_pem()), ROLE_UNSPECIFIED);
  EXPECT_EQ(RoleOf("no certificate"), ROLE_UNSPECIFIED);
  EXPECT_EQ(FingerprintOf("no certificate"), "");
}

TEST_F(KeysTest, OtherRequestsGetNothing) {
  const auto keys = *HostKeys::Load(folder_);
  const test::Key key = test::EcKey(), other = test::EcKey(), rsa = test::RsaKey();
  const std::string good = RequestOf(key, key);
  for (const std::string& request :
       {std::string(), std::string("nonsense"), good.substr(0, good.size() - 1), good + "x",
        RequestOf(key, other), RequestOf(rsa, rsa)}) {
    EXPECT_FALSE(keys->CertifyDevice(request, "till-1", ROLE_STAFF).ok());
  }
}

TEST_F(KeysTest, ABrokenFolderIsNamed) {
  (void)HostKeys::Load(folder_);
  // Keys of another host.
  char other[] = "/tmp/madoguchi-keys-XXXXXX";
  const std::string second = mkdtemp(other);
  (void)HostKeys::Load(second);
  std::filesystem::copy_file(second + "/host-key.pem", folder_ + "/host-key.pem",
                             std::filesystem::copy_options::overwrite_existing);
  const auto mixed = HostKeys::Load(folder_);
  ASSERT_FALSE(mixed.ok());
  EXPECT_NE(mixed.status().message().find(folder_ + "/host.pem"), std::string::npos);
  std::ofstream(folder_ + "/host-key.pem") << "nonsense";
  EXPECT_FALSE(HostKeys::Load(folder_).ok());
  std::filesystem::remove(folder_ + "/host-key.pem");
  const auto missing = HostKeys::Load(folder_);
  EXPECT_NE(missing.status().message().find("host-key.pem"), std::string::npos);
  std::filesystem::remove_all(second);
}

}  // namespace
}  // namespace madoguchi
