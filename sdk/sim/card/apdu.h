#ifndef MADOGUCHI_SDK_SIM_CARD_APDU_H_
#define MADOGUCHI_SDK_SIM_CARD_APDU_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace madoguchi::sim {

using Bytes = std::vector<uint8_t>;

// A command APDU of ISO 7816-4, taken apart. `data` points into the bytes it was parsed from and
// lives as long as they do.
struct Command {
  uint8_t cla = 0;
  uint8_t ins = 0;
  uint8_t p1 = 0;
  uint8_t p2 = 0;
  std::span<const uint8_t> data = {};
  // The number of bytes wanted, 1 to 65536 (a zero on the wire means 256, or 65536 in the extended
  // form); nothing where the command has no Le field.
  std::optional<size_t> le = {};
};

// Takes the four cases of ISO 7816-4 section 5.1 apart, short and extended. Answers nothing where
// the lengths do not add up; a card says 6700 to that.
std::optional<Command> ParseCommand(std::span<const uint8_t> apdu);

// Instruction bytes of the card; the sources are JICSAP 1.1 table 4 and public measurements.
enum Instruction : uint8_t {
  kVerify = 0x20,
  kChangeReferenceData = 0x24,
  kComputeDigitalSignature = 0x2A,  // CLA 80, the card's own.
  kChangeKey = 0x32,                // CLA 80.
  kGetChallenge = 0x84,
  kSelect = 0xA4,
  kReadBinary = 0xB0,
  kReadRecord = 0xB2,
  kGetData = 0xCA,
  kLastCommandIndicator = 0xFC,  // CLA 80, of the iPhone's token alone.
};

// Status words as the card answers them; the meanings are JICSAP 1.1 table 25.
enum StatusWord : uint16_t {
  kSuccess = 0x9000,
  kEndOfFile = 0x6282,
  kTriesLeft = 0x63C0,  // The lowest four bits are the tries that are left.
  kWrongLength = 0x6700,
  kNoLogicalChannel = 0x6881,
  kNoSecureMessaging = 0x6882,
  kWrongFileStructure = 0x6981,
  kSecurityStatus = 0x6982,
  kBlocked = 0x6984,
  kConditionsOfUse = 0x6985,
  kNoCurrentFile = 0x6986,
  kNoFile = 0x6A82,
  kNoRecord = 0x6A83,
  kWrongP1P2 = 0x6A86,
  kNoReferencedData = 0x6A88,
  kWrongOffset = 0x6B00,
  kNoInstruction = 0x6D00,
  kNoClass = 0x6E00,
};

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_APDU_H_
