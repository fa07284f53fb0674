#ifndef MADOGUCHI_HOST_DESK_KEYS_H_
#define MADOGUCHI_HOST_DESK_KEYS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "host/check/ports.h"
#include "madoguchi/check/v1/text.pb.h"

namespace madoguchi {

// The name under which every screen expects the host's certificate, whatever its address.
inline constexpr char kHostName[] = "madoguchi-host";

// The host's keys, all ECDSA P-256: its own (TLS and PIN prompts) and that of the small CA which
// says who its screens are. Made on the first start in the state folder, files of mode 0600.
// Immutable afterwards; thread-safe.
class HostKeys final : public PromptSigner {
 public:
  // Reads or makes them. The error names the file.
  static absl::StatusOr<std::unique_ptr<HostKeys>> Load(const std::string& folder);
  ~HostKeys() override;

  absl::StatusOr<std::string> Sign(const std::string& text) override;

  const std::string& key_pem() const { return key_pem_; }
  const std::string& certificate_pem() const { return certificate_pem_; }
  const std::string& ca_pem() const { return ca_pem_; }
  // From when to when the CA is valid, RFC 3339, UTC.
  const std::string& ca_not_before() const { return ca_not_before_; }
  const std::string& ca_not_after() const { return ca_not_after_; }
  const std::string& public_key() const { return public_key_; }  // SubjectPublicKeyInfo, DER

  // A client certificate (PEM) for the key of `request` (PKCS#10, DER), in the name `name` and with
  // `role` as its organisational unit; what else the request asks for is not taken over.
  // INVALID_ARGUMENT when the request is not signed by its own P-256 key.
  absl::StatusOr<std::string> CertifyDevice(const std::string& request, const std::string& name,
                                            check::v1::Role role) const;

 private:
  HostKeys();
  struct Keys;
  std::unique_ptr<Keys> keys_;
  std::string key_pem_, certificate_pem_, ca_pem_, public_key_, ca_not_before_, ca_not_after_;
};

// The role that a PEM certificate of CertifyDevice was made for; ROLE_UNSPECIFIED when it names
// none.
check::v1::Role RoleOf(const std::string& certificate_pem);

// SHA-256 of the DER of a PEM certificate, lower-case hexadecimal; empty when it is none.
std::string FingerprintOf(const std::string& certificate_pem);

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_DESK_KEYS_H_
