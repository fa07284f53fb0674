#ifndef MADOGUCHI_READERS_NFC_CONTACTLESS_ATR_H_
#define MADOGUCHI_READERS_NFC_CONTACTLESS_ATR_H_

#include <cstdint>
#include <span>
#include <vector>

namespace madoguchi::nfc {

// The ATR that a PC/SC reader shows for a card of type B (PC/SC part 3, 3.1.3.2.3.1):
// 3B 88 80 01, application data (4 bytes) and protocol info (3) of its ATQB, the upper half of MBLI
// of its answer to ATTRIB, TCK.
std::vector<uint8_t> ContactlessAtr(std::span<const uint8_t, 4> application_data,
                                    std::span<const uint8_t, 3> protocol_info, uint8_t mbli);

}  // namespace madoguchi::nfc

#endif  // MADOGUCHI_READERS_NFC_CONTACTLESS_ATR_H_
