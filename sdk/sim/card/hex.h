#ifndef MADOGUCHI_SDK_SIM_CARD_HEX_H_
#define MADOGUCHI_SDK_SIM_CARD_HEX_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sdk/sim/card/apdu.h"

namespace madoguchi::sim {

// Upper case, without separators.
std::string ToHex(std::span<const uint8_t> bytes);

// Either case; spaces are skipped. Nothing where another character or half a byte stands.
std::optional<Bytes> FromHex(std::string_view text);

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_HEX_H_
