#include "sdk/screen/device_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "sdk/screen/device_key.h"

namespace madoguchi::screen {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Folder() {
  std::string name = testing::TempDir() + "device_file_XXXXXX";
  return mkdtemp(name.data());
}

// A self-signed certificate: only its form matters here.
std::string CertificatePem() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_pubkey(certificate, key);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 60);
  X509_sign(certificate, key, EVP_sha256());
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string pem(text, size);
  BIO_free(bio);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return pem;
}

std::string PublicKeyDer() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  std::string text(reinterpret_cast<char*>(der), size);
  OPENSSL_free(der);
  EVP_PKEY_free(key);
  return text;
}

DeviceFile Sample() {
  DeviceFile device;
  device.set_address("127.0.0.1:1");
  device.set_name("trial-screen");
  device.set_role(check::v1::ROLE_PATIENT);
  device.set_certificate_pem(CertificatePem());
  device.set_private_key_pem(MakeKeyAndRequest("trial-screen")->private_key_pem);
  device.set_host_ca_pem(CertificatePem());
  device.set_host_public_key(PublicKeyDer());
  return device;
}

TEST(DeviceFile, IsReadAsItWasWrittenAndOnlyByItsOwner) {
  const std::string path = Folder() + "/device";
  const DeviceFile written = Sample();
  ASSERT_TRUE(WriteDeviceFile(path, written).ok());
  struct stat about;
  ASSERT_EQ(stat(path.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  const auto read = ReadDeviceFile(path);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->SerializeAsString(), written.SerializeAsString());
}

TEST(DeviceFile, IsNeverWrittenOverAndLeavesNothingBeside) {
  const std::string folder = Folder();
  ASSERT_TRUE(WriteDeviceFile(folder + "/device", Sample()).ok());
  EXPECT_EQ(WriteDeviceFile(folder + "/device", Sample()).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_FALSE(WriteDeviceFile(folder + "/no/such/device", Sample()).ok());
  const std::filesystem::directory_iterator files(folder);
  EXPECT_EQ(std::distance(begin(files), end(files)), 1);
}

TEST(DeviceFile, IsRefusedWhenOthersMayOpenIt) {
  const std::string path = Folder() + "/device";
  ASSERT_TRUE(WriteDeviceFile(path, Sample()).ok());
  for (const mode_t mode : {0640, 0604, 0620}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    const auto read = ReadDeviceFile(path);
    EXPECT_EQ(read.status().code(), absl::StatusCode::kPermissionDenied);
    EXPECT_THAT(std::string(read.status().message()), HasSubstr("chmod 600"));
  }
}

TEST(DeviceFile, SaysWhereItIsWrongAndWhatWasExpected) {
  const auto message = [](const std::string& text) {
    return std::string(ParseDeviceFile(text, "pad.device").status().message());
  };
  EXPECT_THAT(message("name: \"pad\"\ncolour: 3\n"), StartsWith("pad.device:2:"));
  EXPECT_THAT(message("name: \"pad\"\nrole: ROLE_KING address: \"a:1\"\n"),
              StartsWith("pad.device:2:"));
  EXPECT_THAT(message("name: \"pad"), StartsWith("pad.device:1:"));
  const std::string bad_key = message(
      "name: \"pad\"\nrole: ROLE_STAFF\n  certificate_pem: \"-----BEGIN CERTIFICATE-----\"\n");
  EXPECT_THAT(bad_key, StartsWith("pad.device:3:"));
  EXPECT_THAT(bad_key, HasSubstr("certificate_pem: expected a certificate in PEM"));
  EXPECT_THAT(message(""), HasSubstr("name: expected 1 to 64 characters"));
}

TEST(DeviceFile, TooLargeOrAbsentOrNoFileAtAll) {
  const std::string folder = Folder();
  EXPECT_EQ(ReadDeviceFile(folder + "/none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(ReadDeviceFile(folder).ok());
  const std::string path = folder + "/large";
  std::ofstream(path) << std::string(kLargestDeviceFile + 1, '#');
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  EXPECT_THAT(std::string(ReadDeviceFile(path).status().message()), HasSubstr("too large"));
}

TEST(DeviceKey, RequestIsSignedByTheKeyThatStaysHere) {
  const auto made = MakeKeyAndRequest("trial-screen");
  ASSERT_TRUE(made.ok());
  const auto* at = reinterpret_cast<const unsigned char*>(made->request_der.data());
  X509_REQ* request = d2i_X509_REQ(nullptr, &at, made->request_der.size());
  ASSERT_NE(request, nullptr);
  EVP_PKEY* key = X509_REQ_get0_pubkey(request);
  EXPECT_EQ(X509_REQ_verify(request, key), 1);
  BIO* bio = BIO_new_mem_buf(made->private_key_pem.data(), made->private_key_pem.size());
  EVP_PKEY* own = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  EXPECT_EQ(EVP_PKEY_eq(own, key), 1);
  EVP_PKEY_free(own);
  BIO_free(bio);
  X509_REQ_free(request);
}

}  // namespace
}  // namespace madoguchi::screen
