#include "device.h"

// TODO: open the device in a constructor, or in MyReader::Start with what a setting names; ask for
// the permission in plugin.textproto.

std::optional<std::string> Device::Look() {
  // TODO: ask the device.
  return std::string("\x3B\x80\x80\x01\x01", 5);
}

std::optional<Device::Bytes> Device::Send(std::span<const uint8_t> command) {
  // TODO: to the card and back.
  return Bytes{0x6D, 0x00};
}

void Device::Reset() {
  // TODO: cold or warm reset.
}
