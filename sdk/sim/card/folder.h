#ifndef MADOGUCHI_SDK_SIM_CARD_FOLDER_H_
#define MADOGUCHI_SDK_SIM_CARD_FOLDER_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sdk/sim/card/application.h"
#include "sdk/sim/card/certificates.h"
#include "sdk/sim/card/faults.h"
#include "sdk/sim/card/state.h"

namespace madoguchi::sim {

// The folder in which a virtual card lives:
//
//   auth-ca.pem sign-ca.pem    the certificates of its two CAs (copies, where the CAs are shared)
//   auth.pem sign.pem          the card's certificates
//   auth.key sign.key          its keys, PKCS #8, mode 0600
//   state                      serial number, tries, salted hashes of the secrets
//   auth-expired.pem ...       variants of a certificate, made when a fault asks for one
//
// and the folder of the CAs, the same one or shared by several cards:
//
//   auth-ca.pem auth-ca.key sign-ca.pem sign-ca.key    made by whichever card comes first
//   serial                                             the last serial number given
//   unknown-auth-ca.* unknown-sign-ca.*                CAs of the same names, outside all trust
//
// Many cards may open one CA folder at once, from any number of processes.
class Folder {
 public:
  struct Options {
    std::string path;
    std::string ca_path;  // Empty: `path`.
    // The serial number of a card that is made now; the next one of the CA folder where missing.
    std::optional<uint64_t> serial;
  };

  // Opens the folder and makes what is missing.
  static absl::StatusOr<Folder> Open(const Options& options);

  // The state as it is in the folder, with `pin` and `password` in it: a value that is given and
  // differs replaces the old one without giving tries back. On a new card 1234 and ABC123 stand
  // for values that are not given. The bytes are not kept.
  absl::StatusOr<State> OpenState(std::span<const uint8_t> pin,
                                  std::span<const uint8_t> password) const;

  // The card's applications under these faults; the certificates of which are made if need be.
  absl::StatusOr<std::vector<Application>> Applications(const Faults& faults) const;

  uint64_t serial() const { return serial_; }
  const std::string& path() const { return path_; }

 private:
  absl::StatusOr<Issuer> OpenIssuer(Purpose purpose, bool unknown) const;
  absl::StatusOr<CertificatePtr> OpenCertificate(Purpose purpose, Period period,
                                                 bool unknown_ca) const;

  std::string path_;
  std::string ca_path_;
  uint64_t serial_ = 0;
  KeyPtr auth_key_;
  KeyPtr sign_key_;
};

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_FOLDER_H_
