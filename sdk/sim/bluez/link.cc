#include "sdk/sim/bluez/link.h"

#include "sdk/sim/bluez/peripheral.h"

namespace madoguchi::bluez {

void Link::Write(Pipe pipe, std::span<const uint8_t> piece) {
  if (pipe == Pipe::kCommand && peripheral_.firmware() != nullptr) {
    peripheral_.firmware()->Take(piece);
  }
}

Bytes Link::Read(const GattCharacteristic& characteristic) const {
  switch (characteristic.pipe) {
    case Pipe::kFixed:
      return characteristic.value;
    case Pipe::kBattery:
      return {peripheral_.battery()};
    case Pipe::kStatus:
      return peripheral_.firmware()->Status();
    case Pipe::kCommand:
    case Pipe::kAnswer:
      return {};
  }
  return {};
}

void Link::Drop() { peripheral_.EndLink(); }

}  // namespace madoguchi::bluez
