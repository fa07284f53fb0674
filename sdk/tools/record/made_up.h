#ifndef MADOGUCHI_SDK_TOOLS_RECORD_MADE_UP_H_
#define MADOGUCHI_SDK_TOOLS_RECORD_MADE_UP_H_

#include <openssl/evp.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "sdk/tools/record/taken.h"

namespace madoguchi::record {

// A certificate of nobody with the length and structure of a card's.
struct Replaced {
  Bytes certificate;  // DER
  std::string certificate_pem, key_pem, trust_anchor_pem;
  std::vector<Bytes> taken_out;  // what stood in the card's own
};

// RSA-2048, made here.
struct Keys {
  std::shared_ptr<EVP_PKEY> holder, issuer;
};
Keys MakeKeys();

// Everything in `der` is replaced but what says of which form it is: object identifiers, Booleans,
// nulls, the version, and bit strings of up to two bytes (key usage). Text becomes SYNTHETIC over
// and over, numbers ones, dates the years 2020 to 2049 (of an expired one 2000 to 2001, of one that
// is not yet valid 2048 to 2049, at `now`), the key and the signature those of `keys`. `number`
// stands at the end of the serial number, so that recordings can be told apart. INVALID_ARGUMENT
// when it is no RSA-2048 certificate that was signed with RSA-2048 and SHA-256. `der` may come from
// anybody.
absl::StatusOr<Replaced> ReplaceCertificate(std::span<const uint8_t> der, uint16_t number,
                                            std::chrono::system_clock::time_point now,
                                            const Keys& keys);

// The historical bytes are replaced, and TCK, where there is one, computed anew (ISO 7816-3). What
// is no ATR becomes 3B 00.
Bytes ReplaceAtr(std::span<const uint8_t> atr);

}  // namespace madoguchi::record

#endif  // MADOGUCHI_SDK_TOOLS_RECORD_MADE_UP_H_
