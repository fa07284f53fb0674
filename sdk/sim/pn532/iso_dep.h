#ifndef MADOGUCHI_SDK_SIM_PN532_ISO_DEP_H_
#define MADOGUCHI_SDK_SIM_PN532_ISO_DEP_H_

#include <optional>
#include <span>

#include "sdk/sim/pn532/frame.h"

namespace madoguchi::pn532 {

// The card's side of ISO/IEC 14443-4 (ISO-DEP), for whoever sends blocks through the chip instead
// of APDUs: a presence check, or a host with framing of its own. The card has CID 1 (blocks without
// a CID are taken too) and the reader takes frames of 64 bytes.
class IsoDep {
 public:
  static constexpr uint8_t kCid = 1;
  // A frame of 64 bytes without PCB, CID and CRC.
  static constexpr size_t kBlock = 60;

  struct Reply {
    std::optional<Bytes> block = {};  // to the reader
    std::optional<Bytes> apdu = {};   // to the card; its answer goes to Answered
    bool deselected = false;
  };

  // The card was activated: block number 0, nothing under way.
  void Activate() { *this = IsoDep(); }
  // A block from the reader. An empty reply is silence.
  Reply Heard(std::span<const uint8_t> block);
  // The card's answer to Reply::apdu: the first block of it.
  Bytes Answered(std::span<const uint8_t> answer);
  // An APDU was exchanged by the chip itself, which counts the blocks as well.
  void Exchanged(std::span<const uint8_t> answer);

 private:
  Bytes NextBlock();

  // The number that the card's next block has.
  uint8_t number_ = 0;
  bool with_cid_ = true;
  Bytes command_;  // of which more is to come
  Bytes answer_;   // of which more is to be fetched
  Bytes last_;     // to be repeated
};

}  // namespace madoguchi::pn532

#endif  // MADOGUCHI_SDK_SIM_PN532_ISO_DEP_H_
