#include "host/play/cards.h"

#include <openssl/pem.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "sdk/sim/card/certificates.h"
#include "sdk/sim/card/jpki.h"
#include "sdk/sim/card/other_applications.h"

namespace madoguchi::play {
namespace {

constexpr uint64_t kSerial = 42;

// Made once a process: RSA keys are slow to make.
struct Pki {
  sim::Issuer trusted = *sim::MakeIssuer(sim::Purpose::kAuthentication);
  sim::Issuer stranger = *sim::MakeIssuer(sim::Purpose::kAuthentication);
  sim::KeyPtr key = *sim::MakeKey();
  std::map<Paper, std::string> certificates;
  Pki() {
    const auto issue = [&](Paper paper, const sim::Issuer& issuer, sim::Period period) {
      const uint64_t serial = paper == Paper::kAnother ? kSerial + 1 : kSerial;
      certificates[paper] =
          sim::DerOf(sim::MakeCertificate(issuer, key.get(), serial, period)->get());
    };
    issue(Paper::kGood, trusted, sim::Period::kValid);
    issue(Paper::kAnother, trusted, sim::Period::kValid);
    issue(Paper::kExpired, trusted, sim::Period::kExpired);
    issue(Paper::kNotYetValid, trusted, sim::Period::kNotYetValid);
    issue(Paper::kUnknownIssuer, stranger, sim::Period::kValid);
    certificates[Paper::kAbsent] = certificates[Paper::kGood];
  }
};

const Pki& ThePki() {
  static const Pki* const pki = new Pki;
  return *pki;
}

std::string PemOf(X509* certificate) {
  const sim::BioPtr bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || PEM_write_bio_X509(bio.get(), certificate) != 1) std::abort();
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);  // NOLINT: OpenSSL's type.
  return std::string(text, static_cast<size_t>(size));
}

}  // namespace

std::unique_ptr<sim::Card> MakeCard(Paper paper, const sim::Faults& faults) {
  const Pki& pki = ThePki();
  sim::JpkiContents contents{.serial = kSerial};
  contents.auth_certificate = contents.sign_certificate = pki.certificates.at(paper);
  contents.auth_ca_certificate = contents.sign_ca_certificate =
      sim::DerOf(pki.trusted.certificate.get());
  contents.auth_key = contents.sign_key = pki.key;
  sim::Faults with = faults;
  if (paper == Paper::kAbsent) with.certificate = sim::Faults::Certificate::kAbsent;
  std::vector<sim::Application> applications;
  applications.push_back(sim::MakeJpki(contents, with));
  sim::State state;
  state.set_serial(kSerial);
  state.Set(sim::kAuthPin, kPin, sim::kAuthPinTries).IgnoreError();
  state.Set(sim::kSignPassword, kPin, sim::kSignPasswordTries).IgnoreError();
  if (with.tries_left) state.SetTriesLeft(sim::kAuthPin, *with.tries_left).IgnoreError();
  return std::make_unique<sim::Card>(std::move(applications), std::move(state), with);
}

std::unique_ptr<sim::Card> MakeForeignCard() {
  return std::make_unique<sim::Card>(std::vector<sim::Application>(), sim::State(), sim::Faults());
}

std::unique_ptr<sim::Card> CardOf(const sim::Faults& faults) {
  if (faults.foreign_card) return MakeForeignCard();
  if (faults.unknown_ca) return MakeCard(Paper::kUnknownIssuer, faults);
  switch (faults.certificate) {
    case sim::Faults::Certificate::kExpired:
      return MakeCard(Paper::kExpired, faults);
    case sim::Faults::Certificate::kNotYetValid:
      return MakeCard(Paper::kNotYetValid, faults);
    default:
      return MakeCard(Paper::kGood, faults);
  }
}

const TrustAnchors& Anchors() {
  static const auto* const anchors =
      new TrustAnchors(*TrustAnchors::FromPem(PemOf(ThePki().trusted.certificate.get())));
  return *anchors;
}

}  // namespace madoguchi::play
