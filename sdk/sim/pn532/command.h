#ifndef MADOGUCHI_SDK_SIM_PN532_COMMAND_H_
#define MADOGUCHI_SDK_SIM_PN532_COMMAND_H_

#include <cstdint>

// The numbers of NXP UM0701-02, chapter 7.
namespace madoguchi::pn532 {

enum CommandCode : uint8_t {
  kDiagnose = 0x00,
  kGetFirmwareVersion = 0x02,
  kGetGeneralStatus = 0x04,
  kReadRegister = 0x06,
  kWriteRegister = 0x08,
  kReadGpio = 0x0C,
  kWriteGpio = 0x0E,
  kSetSerialBaudRate = 0x10,
  kSetParameters = 0x12,
  kSamConfiguration = 0x14,
  kPowerDown = 0x16,
  kRfConfiguration = 0x32,
  kInDataExchange = 0x40,
  kInCommunicateThru = 0x42,
  kInDeselect = 0x44,
  kInJumpForPsl = 0x46,
  kInListPassiveTarget = 0x4A,
  kInPsl = 0x4E,
  kInAtr = 0x50,
  kInRelease = 0x52,
  kInSelect = 0x54,
  kInJumpForDep = 0x56,
  kInAutoPoll = 0x60,
  kTgInitAsTarget = 0x8C,
};

// 7.1: the status byte. Its bit 6 says that more follows.
enum StatusByte : uint8_t {
  kGood = 0x00,
  kTimedOut = 0x01,
  kBufferTooSmall = 0x07,
  kNoSuchTarget = 0x27,
  kMore = 0x40,
};

// 7.3.5: ISO/IEC 14443-3B at 106 kbit/s, and 7.3.13: the same as ISO/IEC 14443-4B.
constexpr uint8_t kTypeB = 0x03;
constexpr uint8_t kType4B = 0x23;

}  // namespace madoguchi::pn532

#endif  // MADOGUCHI_SDK_SIM_PN532_COMMAND_H_
