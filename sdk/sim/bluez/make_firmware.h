#ifndef MADOGUCHI_SDK_SIM_BLUEZ_MAKE_FIRMWARE_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_MAKE_FIRMWARE_H_

#include <memory>

#include "sdk/sim/bluez/firmware.h"
#include "sdk/sim/bluez/options.h"

namespace madoguchi::bluez {

// The program of the reader that the command line describes; see Firmware's constructor.
std::unique_ptr<Firmware> MakeFirmware(const ReaderOptions& reader, Card& card, Timers& timers,
                                       const Faults& faults,
                                       std::chrono::milliseconds card_patience);

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_MAKE_FIRMWARE_H_
