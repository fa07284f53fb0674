#ifndef MADOGUCHI_SDK_SIM_CARD_MEMORY_CARD_H_
#define MADOGUCHI_SDK_SIM_CARD_MEMORY_CARD_H_

#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "sdk/sim/card/card.h"
#include "sdk/sim/card/certificates.h"
#include "sdk/sim/card/jpki.h"
#include "sdk/sim/card/other_applications.h"

namespace madoguchi::sim {

// A card without a folder, for tests: serial number 42, PIN 1234, password ABC123. Its keys and
// certificates are made once a process.
inline constexpr uint64_t kMemoryCardSerial = 42;

inline std::span<const uint8_t> TextBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

inline const JpkiContents& MemoryContents() {
  static const JpkiContents contents = [] {
    JpkiContents made{.serial = kMemoryCardSerial};
    const Issuer auth = *MakeIssuer(Purpose::kAuthentication);
    const Issuer sign = *MakeIssuer(Purpose::kSignature);
    made.auth_key = *MakeKey();
    made.sign_key = *MakeKey();
    made.auth_ca_certificate = DerOf(auth.certificate.get());
    made.sign_ca_certificate = DerOf(sign.certificate.get());
    made.auth_certificate =
        DerOf(MakeCertificate(auth, made.auth_key.get(), made.serial, Period::kValid)->get());
    made.sign_certificate =
        DerOf(MakeCertificate(sign, made.sign_key.get(), made.serial, Period::kValid)->get());
    return made;
  }();
  return contents;
}

inline const State& MemoryState() {
  static const State state = [] {
    State made;
    made.set_serial(kMemoryCardSerial);
    made.Set(kAuthPin, TextBytes("1234"), kAuthPinTries).IgnoreError();
    made.Set(kSignPassword, TextBytes("ABC123"), kSignPasswordTries).IgnoreError();
    AddOtherSecrets(kMemoryCardSerial, made).IgnoreError();
    return made;
  }();
  return state;
}

inline Card MemoryCard(const Faults& faults = {}) {
  std::vector<Application> applications;
  applications.push_back(MakeJpki(MemoryContents(), faults));
  for (Application& other : MakeOtherApplications(kMemoryCardSerial)) {
    applications.push_back(std::move(other));
  }
  return Card(std::move(applications), MemoryState(), faults);
}

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_MEMORY_CARD_H_
