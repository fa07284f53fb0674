#ifndef MADOGUCHI_SDK_SIM_BLUEZ_HEX_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_HEX_H_

#include <optional>
#include <string_view>

#include "sdk/sim/bluez/value.h"

namespace madoguchi::bluez {

// An even number of hex digits, blanks between bytes allowed; nullopt for anything else.
std::optional<Bytes> FromHex(std::string_view text);

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_HEX_H_
