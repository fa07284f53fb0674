#ifndef MADOGUCHI_SDK_SIM_CARD_JPKI_H_
#define MADOGUCHI_SDK_SIM_CARD_JPKI_H_

#include <cstdint>
#include <string>

#include "sdk/sim/card/application.h"
#include "sdk/sim/card/faults.h"
#include "sdk/sim/card/openssl.h"

namespace madoguchi::sim {

// The names under which State keeps this application's secrets, and their tries
// (OpenSC src/libopensc/jpki.h).
inline constexpr char kAuthPin[] = "jpki.auth";
inline constexpr char kSignPassword[] = "jpki.sign";
inline constexpr int kAuthPinTries = 3;
inline constexpr int kSignPasswordTries = 5;

// What fills the JPKI application: certificates in DER, keys shared.
struct JpkiContents {
  uint64_t serial = 0;
  std::string auth_certificate = {};
  std::string auth_ca_certificate = {};
  std::string sign_certificate = {};
  std::string sign_ca_certificate = {};
  KeyPtr auth_key = {};
  KeyPtr sign_key = {};
};

// 公的個人認証AP, AID D392F000260100000001, with the files measured on real cards
// (soltia48/myna-card, jpki/myna, OpenSC). Of the faults it follows certificate and phone-token.
Application MakeJpki(const JpkiContents& contents, const Faults& faults);

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_JPKI_H_
