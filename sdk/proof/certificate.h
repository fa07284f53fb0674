#ifndef MADOGUCHI_SDK_PROOF_CERTIFICATE_H_
#define MADOGUCHI_SDK_PROOF_CERTIFICATE_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct x509_st;

namespace madoguchi {

// A user-authentication certificate as the card gives it. Immutable; copies share the parsed form;
// may be used from several threads.
class Certificate {
 public:
  // `der` is one DER certificate and nothing after it, at most 8192 bytes.
  // CARD_ANSWER_INVALID when it is not, or when its key is not RSA-2048 with e = 65537.
  static absl::StatusOr<Certificate> Parse(std::span<const uint8_t> der);

  const std::vector<uint8_t>& der() const;
  const std::string& sha256() const;  // of the DER bytes, 32 bytes
  const std::string& serial() const;  // lower-case hexadecimal, no leading zeros
  const std::string& issuer() const;  // RFC 2253 text of the issuer's name
  x509_st* x509() const;              // owned by this object, not to be changed

 private:
  struct Parsed;
  std::shared_ptr<const Parsed> parsed_;
};

// The CAs a clinic trusts. Immutable; may be used from several threads.
class TrustAnchors {
 public:
  // One or more CA certificates. INVALID_ARGUMENT says which block of the file is not one.
  static absl::StatusOr<TrustAnchors> FromPem(const std::string& pem);

  // OK when `certificate` was signed by one of the CAs and is valid at `now`. All generations of
  // the JPKI CA share one name (facts of the real hierarchy), so the issuer is found by signature,
  // not by name. CERTIFICATE_UNKNOWN_ISSUER, CERTIFICATE_EXPIRED, CERTIFICATE_NOT_YET_VALID; the
  // first of them in this order.
  absl::Status Check(const Certificate& certificate,
                     std::chrono::system_clock::time_point now) const;

 private:
  std::vector<std::shared_ptr<x509_st>> anchors_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_PROOF_CERTIFICATE_H_
