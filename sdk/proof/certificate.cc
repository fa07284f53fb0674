#include "sdk/proof/certificate.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

constexpr size_t kLongestDer = 8192;
constexpr int kKeyBits = 2048;
// SHA-1 counts 63, SHA-256 counts 128: a collision must not be cheaper than the CA's key.
constexpr int kLeastSignatureBits = 112;

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using BioPtr = std::unique_ptr<BIO, Freer<BIO_free>>;
using BignumPtr = std::unique_ptr<BIGNUM, Freer<BN_free>>;
using X509Ptr = std::unique_ptr<X509, Freer<X509_free>>;

void FreeBytes(void* bytes) { OPENSSL_free(bytes); }
using BytesPtr = std::unique_ptr<unsigned char, Freer<FreeBytes>>;
using CharsPtr = std::unique_ptr<char, Freer<FreeBytes>>;

// OpenSSL's error queue belongs to the thread; a leftover would be blamed on the thread's next TLS.
struct ErrorQueueGuard {
  ~ErrorQueueGuard() { ERR_clear_error(); }
};

absl::Status Unreadable(const std::string& detail) {
  return FailureStatus(check::v1::FAILURE_CODE_CARD_ANSWER_INVALID, "certificate: " + detail);
}

// One DER object with nothing after it, or null.
X509Ptr ParseDer(std::span<const uint8_t> der) {
  const unsigned char* at = der.data();
  X509Ptr x509(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!x509 || at != der.data() + der.size()) return nullptr;
  // d2i also reads BER; two encodings of one certificate would have two hashes.
  unsigned char* again = nullptr;
  const int length = i2d_X509(x509.get(), &again);
  BytesPtr owned(again);
  if (length < 0 || !std::equal(der.begin(), der.end(), again, again + length)) return nullptr;
  return x509;
}

bool IsCardKey(EVP_PKEY* key) {
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) return false;
  if (EVP_PKEY_get_bits(key) != kKeyBits) return false;
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &raw) != 1) return false;
  BignumPtr exponent(raw);
  return BN_is_word(exponent.get(), RSA_F4) == 1;
}

// Empty when the serial is negative or not a number.
std::string SerialText(const X509* x509) {
  BignumPtr number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), nullptr));
  if (!number || BN_is_negative(number.get())) return "";
  CharsPtr hex(BN_bn2hex(number.get()));
  if (!hex) return "";
  std::string text(hex.get());
  text.erase(0, std::min(text.find_first_not_of('0'), text.size() - 1));
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string NameText(const X509_NAME* name) {
  BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253) < 0) return "";
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &data);
  return length > 0 ? std::string(data, static_cast<size_t>(length)) : "";
}

bool SignedBy(X509* certificate, X509* anchor) {
  if (X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(anchor)) != 0) {
    return false;
  }
  return X509_verify(certificate, X509_get0_pubkey(anchor)) == 1;
}

}  // namespace

struct Certificate::Parsed {
  std::vector<uint8_t> der;
  std::string sha256;
  std::string serial;
  std::string issuer;
  X509Ptr x509;
};

absl::StatusOr<Certificate> Certificate::Parse(std::span<const uint8_t> der) {
  const ErrorQueueGuard guard;
  if (der.empty()) return Unreadable("empty");
  if (der.size() > kLongestDer) return Unreadable("longer than 8192 bytes");
  auto parsed = std::make_shared<Parsed>();
  parsed->x509 = ParseDer(der);
  if (!parsed->x509) return Unreadable("not one DER certificate");
  if (!IsCardKey(X509_get0_pubkey(parsed->x509.get()))) {
    return Unreadable("its key is not RSA-2048 with e = 65537");
  }
  parsed->serial = SerialText(parsed->x509.get());
  if (parsed->serial.empty()) return Unreadable("its serial number is negative");
  if (ASN1_TIME_check(X509_get0_notBefore(parsed->x509.get())) != 1 ||
      ASN1_TIME_check(X509_get0_notAfter(parsed->x509.get())) != 1) {
    return Unreadable("its validity is not a time");
  }
  parsed->issuer = NameText(X509_get_issuer_name(parsed->x509.get()));
  parsed->der.assign(der.begin(), der.end());
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(der.data(), der.size(), digest);
  parsed->sha256.assign(reinterpret_cast<const char*>(digest), sizeof(digest));

  Certificate certificate;
  certificate.parsed_ = std::move(parsed);
  return certificate;
}

const std::vector<uint8_t>& Certificate::der() const { return parsed_->der; }
const std::string& Certificate::sha256() const { return parsed_->sha256; }
const std::string& Certificate::serial() const { return parsed_->serial; }
const std::string& Certificate::issuer() const { return parsed_->issuer; }
x509_st* Certificate::x509() const { return parsed_->x509.get(); }

absl::StatusOr<TrustAnchors> TrustAnchors::FromPem(const std::string& pem) {
  const ErrorQueueGuard guard;
  if (pem.size() > (1U << 20)) {
    return absl::InvalidArgumentError("a file of trust anchors is at most 1 MiB");
  }
  BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return absl::ResourceExhaustedError("no memory for the trust anchors");
  TrustAnchors anchors;
  for (int block = 1;; ++block) {
    const std::string here = "block " + std::to_string(block) + " of the trust anchors ";
    char* raw_name = nullptr;
    char* raw_header = nullptr;
    unsigned char* raw_data = nullptr;
    long length = 0;
    if (PEM_read_bio(bio.get(), &raw_name, &raw_header, &raw_data, &length) != 1) {
      if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) break;
      return absl::InvalidArgumentError(here + "is not whole PEM");
    }
    CharsPtr name(raw_name);
    CharsPtr header(raw_header);
    BytesPtr data(raw_data);
    if (std::string(name.get()) != PEM_STRING_X509) {
      return absl::InvalidArgumentError(here + "is not a CERTIFICATE");
    }
    std::shared_ptr<X509> x509(ParseDer({data.get(), static_cast<size_t>(length)}).release(),
                               X509_free);
    if (!x509 || X509_get0_pubkey(x509.get()) == nullptr) {
      return absl::InvalidArgumentError(here + "does not hold a certificate");
    }
    if (X509_check_ca(x509.get()) != 1) {
      return absl::InvalidArgumentError(here + "is not the certificate of a CA");
    }
    anchors.anchors_.push_back(std::move(x509));
  }
  if (anchors.anchors_.empty()) {
    return absl::InvalidArgumentError(
        "expected at least one CERTIFICATE block of a CA, found none");
  }
  return anchors;
}

// The anchors' own dates are not looked at: an admin trusts them, and certificates of the oldest
// JPKI generation outlive the day their CA stopped issuing.
absl::Status TrustAnchors::Check(const Certificate& certificate,
                                 std::chrono::system_clock::time_point now) const {
  const ErrorQueueGuard guard;
  X509* const x509 = certificate.x509();
  int signature_bits = 0;
  if (X509_get_signature_info(x509, nullptr, nullptr, &signature_bits, nullptr) != 1 ||
      signature_bits < kLeastSignatureBits) {
    return FailureStatus(check::v1::FAILURE_CODE_CERTIFICATE_UNKNOWN_ISSUER,
                         "the CA's signature is of a form too weak to believe");
  }
  const bool known = std::any_of(anchors_.begin(), anchors_.end(), [x509](const auto& anchor) {
    return SignedBy(x509, anchor.get());
  });
  if (!known) {
    return FailureStatus(check::v1::FAILURE_CODE_CERTIFICATE_UNKNOWN_ISSUER,
                         "signed by none of " + std::to_string(anchors_.size()) + " trust anchors");
  }
  const time_t time = std::chrono::system_clock::to_time_t(now);
  if (ASN1_TIME_cmp_time_t(X509_get0_notAfter(x509), time) < 0) {
    return FailureStatus(check::v1::FAILURE_CODE_CERTIFICATE_EXPIRED);
  }
  if (ASN1_TIME_cmp_time_t(X509_get0_notBefore(x509), time) > 0) {
    return FailureStatus(check::v1::FAILURE_CODE_CERTIFICATE_NOT_YET_VALID);
  }
  return absl::OkStatus();
}

}  // namespace madoguchi
