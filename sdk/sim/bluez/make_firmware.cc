#include "sdk/sim/bluez/make_firmware.h"

#include "sdk/sim/bluez/acr1255.h"
#include "sdk/sim/bluez/ccid_reader.h"

namespace madoguchi::bluez {

std::unique_ptr<Firmware> MakeFirmware(const ReaderOptions& reader, Card& card, Timers& timers,
                                       const Faults& faults,
                                       std::chrono::milliseconds card_patience) {
  const auto ccid = [&](CcidReader::Make make) {
    return std::make_unique<CcidReader>(card, timers, faults, card_patience, make);
  };
  switch (reader.kind) {
    case ReaderOptions::Kind::kAcr1255:
      return std::make_unique<Acr1255>(card, timers, faults, card_patience,
                                       reader.key.value_or(acr1255::DefaultMasterKey()));
    case ReaderOptions::Kind::kBr301:
      return ccid(CcidReader::Make::kFeitian);
    case ReaderOptions::Kind::kSpringCore:
      return ccid(CcidReader::Make::kSpringCore);
  }
  return nullptr;
}

}  // namespace madoguchi::bluez
