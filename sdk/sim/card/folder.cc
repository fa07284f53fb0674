#include "sdk/sim/card/folder.h"

#include <cstdlib>
#include <iterator>
#include <string_view>
#include <utility>

#include "sdk/sim/card/files.h"
#include "sdk/sim/card/jpki.h"
#include "sdk/sim/card/other_applications.h"
#include "sdk/sim/card/pem.h"

namespace madoguchi::sim {
namespace {

constexpr uint64_t kFirstSerial = 0x01000001;

std::string Stem(Purpose purpose) { return purpose == Purpose::kAuthentication ? "auth" : "sign"; }

std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// Called under the CA folder's lock.
absl::StatusOr<uint64_t> NextSerial(const std::string& ca_path) {
  const std::string path = ca_path + "/serial";
  uint64_t serial = kFirstSerial;
  const absl::StatusOr<std::string> last = ReadFile(path);
  if (last.ok()) {
    serial = std::strtoull(last->c_str(), nullptr, 10) + 1;
  } else if (!absl::IsNotFound(last.status())) {
    return last.status();
  }
  const absl::Status written = WriteFile(path, std::to_string(serial) + "\n", 0600);
  if (!written.ok()) return written;
  return serial;
}

absl::StatusOr<KeyPtr> OpenKey(const std::string& path) {
  absl::StatusOr<KeyPtr> key = ReadKey(path);
  if (!absl::IsNotFound(key.status())) return key;
  key = MakeKey();
  if (!key.ok()) return key;
  const absl::Status written = WriteKey(path, key->get());
  if (!written.ok()) return written;
  return key;
}

absl::Status CheckSecret(const char* name, std::span<const uint8_t> value) {
  if (value.size() <= 16) return absl::OkStatus();
  return absl::InvalidArgumentError(std::string("the ") + name + " must have 1 to 16 bytes");
}

}  // namespace

absl::StatusOr<Folder> Folder::Open(const Options& options) {
  Folder folder;
  folder.path_ = options.path;
  folder.ca_path_ = options.ca_path.empty() ? options.path : options.ca_path;
  for (const std::string& path : {folder.path_, folder.ca_path_}) {
    const absl::Status made = MakeFolder(path);
    if (!made.ok()) return made;
  }
  const std::string state_path = folder.path_ + "/state";
  absl::StatusOr<State> state = State::Load(state_path);
  if (absl::IsNotFound(state.status())) {
    State fresh = State::At(state_path);
    if (options.serial) {
      fresh.set_serial(*options.serial);
    } else {
      absl::StatusOr<FolderLock> lock = FolderLock::Take(folder.ca_path_);
      if (!lock.ok()) return lock.status();
      const absl::StatusOr<uint64_t> serial = NextSerial(folder.ca_path_);
      if (!serial.ok()) return serial.status();
      fresh.set_serial(*serial);
    }
    const absl::Status saved = fresh.Save();
    if (!saved.ok()) return saved;
    state = std::move(fresh);
  }
  if (!state.ok()) return state.status();
  if (options.serial && *options.serial != state->serial()) {
    return absl::InvalidArgumentError(folder.path_ + " is the card with serial number " +
                                      std::to_string(state->serial()));
  }
  folder.serial_ = state->serial();

  absl::StatusOr<KeyPtr> auth = OpenKey(folder.path_ + "/auth.key");
  absl::StatusOr<KeyPtr> sign = OpenKey(folder.path_ + "/sign.key");
  if (!auth.ok()) return auth.status();
  if (!sign.ok()) return sign.status();
  folder.auth_key_ = *auth;
  folder.sign_key_ = *sign;
  for (const Purpose purpose : {Purpose::kAuthentication, Purpose::kSignature}) {
    absl::StatusOr<Issuer> issuer = folder.OpenIssuer(purpose, /*unknown=*/false);
    if (!issuer.ok()) return issuer.status();
    if (folder.ca_path_ != folder.path_) {
      const absl::Status copied = WriteCertificate(folder.path_ + "/" + Stem(purpose) + "-ca.pem",
                                                   issuer->certificate.get());
      if (!copied.ok()) return copied;
    }
    const absl::StatusOr<CertificatePtr> certificate =
        folder.OpenCertificate(purpose, Period::kValid, /*unknown_ca=*/false);
    if (!certificate.ok()) return certificate.status();
  }
  return folder;
}

absl::StatusOr<Issuer> Folder::OpenIssuer(Purpose purpose, bool unknown) const {
  const std::string stem = ca_path_ + (unknown ? "/unknown-" : "/") + Stem(purpose) + "-ca";
  absl::StatusOr<FolderLock> lock = FolderLock::Take(ca_path_);
  if (!lock.ok()) return lock.status();
  absl::StatusOr<CertificatePtr> certificate = ReadCertificate(stem + ".pem");
  if (certificate.ok()) {
    absl::StatusOr<KeyPtr> key = ReadKey(stem + ".key");
    if (!key.ok()) return key.status();
    return Issuer{purpose, *certificate, *key};
  }
  if (!absl::IsNotFound(certificate.status())) return certificate.status();
  absl::StatusOr<Issuer> issuer = MakeIssuer(purpose);
  if (!issuer.ok()) return issuer;
  // The certificate last: whoever sees it finds the key.
  absl::Status written = WriteKey(stem + ".key", issuer->key.get());
  if (written.ok()) written = WriteCertificate(stem + ".pem", issuer->certificate.get());
  if (!written.ok()) return written;
  return issuer;
}

absl::StatusOr<CertificatePtr> Folder::OpenCertificate(Purpose purpose, Period period,
                                                       bool unknown_ca) const {
  std::string path = path_ + "/" + Stem(purpose);
  if (period == Period::kExpired) path += "-expired";
  if (period == Period::kNotYetValid) path += "-not-yet-valid";
  if (unknown_ca) path += "-unknown-ca";
  path += ".pem";
  absl::StatusOr<CertificatePtr> certificate = ReadCertificate(path);
  if (!absl::IsNotFound(certificate.status())) return certificate;
  absl::StatusOr<Issuer> issuer = OpenIssuer(purpose, unknown_ca);
  if (!issuer.ok()) return issuer.status();
  EVP_PKEY* key = purpose == Purpose::kAuthentication ? auth_key_.get() : sign_key_.get();
  certificate = MakeCertificate(*issuer, key, serial_, period);
  if (!certificate.ok()) return certificate;
  const absl::Status written = WriteCertificate(path, certificate->get());
  if (!written.ok()) return written;
  return certificate;
}

absl::StatusOr<State> Folder::OpenState(std::span<const uint8_t> pin,
                                        std::span<const uint8_t> password) const {
  absl::StatusOr<State> state = State::Load(path_ + "/state");
  if (!state.ok()) return state;
  absl::Status status = CheckSecret("PIN", pin);
  if (status.ok()) status = CheckSecret("password", password);
  const struct {
    const char* name;
    std::span<const uint8_t> given;
    std::string_view otherwise;
    int tries;
  } secrets[] = {
      {kAuthPin, pin, "1234", kAuthPinTries},
      {kSignPassword, password, "ABC123", kSignPasswordTries},
  };
  for (const auto& secret : secrets) {
    if (!status.ok()) return status;
    if (!secret.given.empty()) {
      if (!state->Matches(secret.name, secret.given)) {
        status = state->Set(secret.name, secret.given, secret.tries);
      }
    } else if (!state->Has(secret.name)) {
      status = state->Set(secret.name, AsBytes(secret.otherwise), secret.tries);
    }
  }
  if (status.ok()) status = AddOtherSecrets(serial_, *state);
  if (!status.ok()) return status;
  return state;
}

absl::StatusOr<std::vector<Application>> Folder::Applications(const Faults& faults) const {
  if (faults.foreign_card) return std::vector<Application>();
  Period period = Period::kValid;
  if (faults.certificate == Faults::Certificate::kExpired) period = Period::kExpired;
  if (faults.certificate == Faults::Certificate::kNotYetValid) period = Period::kNotYetValid;

  JpkiContents contents{.serial = serial_, .auth_key = auth_key_, .sign_key = sign_key_};
  for (const Purpose purpose : {Purpose::kAuthentication, Purpose::kSignature}) {
    const bool authentication = purpose == Purpose::kAuthentication;
    const absl::StatusOr<Issuer> issuer = OpenIssuer(purpose, faults.unknown_ca);
    if (!issuer.ok()) return issuer.status();
    const absl::StatusOr<CertificatePtr> certificate =
        OpenCertificate(purpose, authentication ? period : Period::kValid, faults.unknown_ca);
    if (!certificate.ok()) return certificate.status();
    (authentication ? contents.auth_certificate : contents.sign_certificate) =
        DerOf(certificate->get());
    (authentication ? contents.auth_ca_certificate : contents.sign_ca_certificate) =
        DerOf(issuer->certificate.get());
  }
  std::vector<Application> applications;
  applications.push_back(MakeJpki(contents, faults));
  std::vector<Application> others = MakeOtherApplications(serial_);
  if (faults.phone != Faults::Phone::kNone) {
    // A phone's token has JPKI alone, and the domain that is there after power-on.
    others.erase(others.begin(), others.end() - 1);
  }
  std::move(others.begin(), others.end(), std::back_inserter(applications));
  return applications;
}

}  // namespace madoguchi::sim
