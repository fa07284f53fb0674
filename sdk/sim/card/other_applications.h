#ifndef MADOGUCHI_SDK_SIM_CARD_OTHER_APPLICATIONS_H_
#define MADOGUCHI_SDK_SIM_CARD_OTHER_APPLICATIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "sdk/sim/card/application.h"
#include "sdk/sim/card/state.h"

namespace madoguchi::sim {

// Everything on the card beside JPKI: 券面事項入力補助AP (text), 券面事項確認AP (surface), 住基AP,
// 共通カードAP and the issuer security domain. Each can be selected; free files have contents of
// the published form, protected ones answer 6982 until one of their secrets is verified. Keys,
// signatures, photo and pictures are not there.
std::vector<Application> MakeOtherApplications(uint64_t serial);

// Gives `state` the secrets of these applications where it has none yet: every four-digit PIN is
// 1234, 照合番号A the 個人番号 of the synthetic person, 照合番号B and the birth date as printed on
// a real card's face.
absl::Status AddOtherSecrets(uint64_t serial, State& state);

// The synthetic person's 個人番号: 11 digits and a correct check digit.
std::string NumberOf(uint64_t serial);

// 照合番号B: the birth date as YYMMDD with the year of the Japanese era, the card's last year
// YYYY and the security code, 14 digits.
std::string NumberB(uint64_t serial);

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_OTHER_APPLICATIONS_H_
