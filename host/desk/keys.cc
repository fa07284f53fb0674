#include "host/desk/keys.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <filesystem>
#include <tuple>

#include "host/utc_now.h"
#include "sdk/textproto/textproto.h"

namespace madoguchi {
namespace {

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Pkey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, Freed<X509_free>>;
using Request = std::unique_ptr<X509_REQ, Freed<X509_REQ_free>>;
using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;

constexpr long kTenYears = 3650L * 24 * 3600;

std::string TextOf(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return {bytes, static_cast<size_t>(size)};
}

std::string PemOf(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return TextOf(bio.get());
}

std::string PemOf(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return TextOf(bio.get());
}

Pkey KeyOf(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Pkey(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
}

X509Ptr CertificateOf(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return X509Ptr(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

std::string TimeText(const ASN1_TIME* time) {
  std::tm utc{};
  return ASN1_TIME_to_tm(time, &utc) == 1 ? UtcText(timegm(&utc)) : "";
}

void AddExtension(X509* certificate, int nid, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
  if (extension == nullptr) return;
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// A certificate for `key` in the name CN=`name`, OU=`unit`, signed by `issuer_key`.
X509Ptr Certify(EVP_PKEY* key, const std::string& name, const std::string& unit, X509* issuer,
                EVP_PKEY* issuer_key, const std::string& usage, const std::string& alt_name) {
  X509Ptr certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  unsigned char serial[16];
  RAND_bytes(serial, sizeof(serial));
  serial[0] &= 0x7f;
  BIGNUM* number = BN_bin2bn(serial, sizeof(serial), nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
  BN_free(number);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  const auto add = [&](const char* field, const std::string& value) {
    X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(value.data()),
                               static_cast<int>(value.size()), -1, 0);
  };
  add("O", "Madoguchi");
  if (!unit.empty()) add("OU", unit);
  add("CN", name);
  X509_set_issuer_name(certificate.get(),
                       issuer != nullptr ? X509_get_subject_name(issuer) : subject);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -300);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kTenYears);
  X509_set_pubkey(certificate.get(), key);
  if (issuer == nullptr) {
    AddExtension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    AddExtension(certificate.get(), NID_key_usage, "critical,keyCertSign");
  } else {
    AddExtension(certificate.get(), NID_basic_constraints, "critical,CA:FALSE");
    AddExtension(certificate.get(), NID_key_usage, "critical,digitalSignature");
    AddExtension(certificate.get(), NID_ext_key_usage, usage);
    if (!alt_name.empty()) AddExtension(certificate.get(), NID_subject_alt_name, alt_name);
  }
  X509_sign(certificate.get(), issuer_key, EVP_sha256());
  return certificate;
}

}  // namespace

struct HostKeys::Keys {
  Pkey own;
  Pkey ca;
  X509Ptr ca_certificate;
};

HostKeys::HostKeys() : keys_(std::make_unique<Keys>()) {}
HostKeys::~HostKeys() = default;

absl::StatusOr<std::unique_ptr<HostKeys>> HostKeys::Load(const std::string& folder) {
  const std::string own_path = folder + "/host-key.pem", own_cert_path = folder + "/host.pem";
  const std::string ca_path = folder + "/ca-key.pem", ca_cert_path = folder + "/ca.pem";
  if (!std::filesystem::exists(own_cert_path)) {
    // The certificates are written last: a start that broke off in between begins anew.
    const Pkey ca(EVP_EC_gen("P-256")), own(EVP_EC_gen("P-256"));
    if (!ca || !own) return absl::InternalError("no randomness for the host's keys");
    const X509Ptr root = Certify(ca.get(), "Madoguchi devices", "", nullptr, ca.get(), "", "");
    const X509Ptr host = Certify(own.get(), kHostName, "", root.get(), ca.get(), "serverAuth",
                                 std::string("DNS:") + kHostName);
    for (const auto& [path, pem] :
         {std::pair(ca_path, PemOf(ca.get())), std::pair(own_path, PemOf(own.get())),
          std::pair(ca_cert_path, PemOf(root.get())),
          std::pair(own_cert_path, PemOf(host.get()))}) {
      if (absl::Status written = WriteFile(path, pem, 0600); !written.ok()) return written;
    }
  }
  std::unique_ptr<HostKeys> keys(new HostKeys);
  std::string ca_key_pem;
  for (const auto& [path, pem] :
       {std::pair(own_path, &keys->key_pem_), std::pair(own_cert_path, &keys->certificate_pem_),
        std::pair(ca_path, &ca_key_pem), std::pair(ca_cert_path, &keys->ca_pem_)}) {
    auto read = ReadFile(path);
    if (!read.ok()) return read.status();
    *pem = *std::move(read);
  }
  keys->keys_->own = KeyOf(keys->key_pem_);
  keys->keys_->ca = KeyOf(ca_key_pem);
  keys->keys_->ca_certificate = CertificateOf(keys->ca_pem_);
  if (!keys->keys_->own || !keys->keys_->ca || !keys->keys_->ca_certificate ||
      !CertificateOf(keys->certificate_pem_)) {
    return absl::InvalidArgumentError(folder +
                                      ": expected the host's keys and certificates in PEM");
  }
  for (const auto& [key, certificate, path] :
       {std::tuple(keys->keys_->own.get(), keys->certificate_pem_, own_cert_path),
        std::tuple(keys->keys_->ca.get(), keys->ca_pem_, ca_cert_path)}) {
    if (X509_check_private_key(CertificateOf(certificate).get(), key) != 1) {
      return absl::InvalidArgumentError(path + ": its key is another one than the file beside it");
    }
  }
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(keys->keys_->own.get(), &der);
  if (size > 0) keys->public_key_.assign(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  X509* const ca = keys->keys_->ca_certificate.get();
  keys->ca_not_before_ = TimeText(X509_get0_notBefore(ca));
  keys->ca_not_after_ = TimeText(X509_get0_notAfter(ca));
  return keys;
}

absl::StatusOr<std::string> HostKeys::Sign(const std::string& text) {
  const DigestContext context(EVP_MD_CTX_new());
  std::string signature(128, '\0');
  size_t size = signature.size();
  if (!context ||
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, keys_->own.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     reinterpret_cast<const unsigned char*>(text.data()), text.size()) != 1) {
    return absl::InternalError("the host key does not sign");
  }
  signature.resize(size);
  return signature;
}

absl::StatusOr<std::string> HostKeys::CertifyDevice(const std::string& request,
                                                    const std::string& name,
                                                    check::v1::Role role) const {
  const auto* at = reinterpret_cast<const unsigned char*>(request.data());
  const Request parsed(d2i_X509_REQ(nullptr, &at, static_cast<long>(request.size())));
  const bool whole = at == reinterpret_cast<const unsigned char*>(request.data()) + request.size();
  EVP_PKEY* const key = parsed && whole ? X509_REQ_get0_pubkey(parsed.get()) : nullptr;
  char group[32] = "";
  if (key == nullptr || EVP_PKEY_get_group_name(key, group, sizeof(group), nullptr) != 1 ||
      std::string(group) != "prime256v1" || X509_REQ_verify(parsed.get(), key) != 1) {
    return absl::InvalidArgumentError("expected a PKCS#10 request, signed by its own P-256 key");
  }
  const X509Ptr certificate =
      Certify(key, name, check::v1::Role_Name(role), keys_->ca_certificate.get(), keys_->ca.get(),
              "clientAuth", "");
  return PemOf(certificate.get());
}

check::v1::Role RoleOf(const std::string& certificate_pem) {
  const X509Ptr certificate = CertificateOf(certificate_pem);
  char unit[32] = "";
  auto role = check::v1::ROLE_UNSPECIFIED;
  if (!certificate ||
      X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()),
                                NID_organizationalUnitName, unit, sizeof(unit)) < 0 ||
      !check::v1::Role_Parse(unit, &role)) {
    return check::v1::ROLE_UNSPECIFIED;
  }
  return role;
}

std::string FingerprintOf(const std::string& certificate_pem) {
  const X509Ptr certificate = CertificateOf(certificate_pem);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (!certificate || X509_digest(certificate.get(), EVP_sha256(), digest, &size) != 1) return "";
  static const char* const kDigits = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < size; ++i)
    text += {kDigits[digest[i] >> 4], kDigits[digest[i] & 15]};
  return text;
}

}  // namespace madoguchi
