#ifndef MADOGUCHI_SDK_SIM_CARD_SCRIPT_H_
#define MADOGUCHI_SDK_SIM_CARD_SCRIPT_H_

#include <string>
#include <string_view>

#include "sdk/sim/card/card.h"

namespace madoguchi::sim {

// Plays a script of APDUs to the card. One thing a line; spaces between bytes are allowed:
//
//   > 00A4040C0A D392F000260100000001     send
//   < 9000                                the answer must be exactly this
//   < 3082 * 9000                         must begin and end so
//   < * 9000 #256                         any 256 bytes before the status word
//   reset                                 Card::Reset
//   // a remark
//
// Answers the first difference with its line number, or an empty string.
std::string PlayScript(std::string_view script, Card& card);

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_SCRIPT_H_
