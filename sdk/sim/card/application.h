#ifndef MADOGUCHI_SDK_SIM_CARD_APPLICATION_H_
#define MADOGUCHI_SDK_SIM_CARD_APPLICATION_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sdk/sim/card/apdu.h"
#include "sdk/sim/card/openssl.h"

namespace madoguchi::sim {

// One elementary file.
struct ElementaryFile {
  enum class Kind {
    kTransparent,  // READ BINARY.
    kRecords,      // READ RECORD; this card's record files have one record.
    kSecret,       // VERIFY and CHANGE.
    kKey,          // COMPUTE DIGITAL SIGNATURE, or a key of unknown use where `key` is null.
  };
  Kind kind = Kind::kTransparent;
  // The bytes as stored, filler included.
  Bytes content = {};
  // The names of the secrets of which any one, once verified, opens the file or the key. Empty:
  // free.
  std::vector<std::string> opens_with = {};
  // For kSecret, the name under which State keeps it.
  std::string secret = {};
  // For kKey.
  KeyPtr key = {};
};

// One application (dedicated file): what SELECT by name chooses.
struct Application {
  Bytes aid = {};
  std::map<uint16_t, ElementaryFile> files = {};
  // GET DATA objects by tag; only the issuer security domain has some.
  std::map<uint16_t, Bytes> data_objects = {};
  // The instruction that changes a secret here: 24 in JPKI and the text application, 32 (with CLA
  // 80) in those of the residents' register; 0 where none is known.
  uint8_t change_instruction = 0;
};

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_APPLICATION_H_
