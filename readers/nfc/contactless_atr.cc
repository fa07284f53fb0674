#include "readers/nfc/contactless_atr.h"

namespace madoguchi::nfc {

std::vector<uint8_t> ContactlessAtr(std::span<const uint8_t, 4> application_data,
                                    std::span<const uint8_t, 3> protocol_info, uint8_t mbli) {
  std::vector<uint8_t> atr = {0x3B, 0x88, 0x80, 0x01};
  atr.reserve(13);
  for (const uint8_t byte : application_data) atr.push_back(byte);
  for (const uint8_t byte : protocol_info) atr.push_back(byte);
  atr.push_back(mbli & 0xF0);
  uint8_t tck = 0;  // over all but TS
  for (size_t i = 1; i < atr.size(); ++i) tck ^= atr[i];
  atr.push_back(tck);
  return atr;
}

}  // namespace madoguchi::nfc
