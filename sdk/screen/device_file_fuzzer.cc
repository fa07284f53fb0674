// A device file was carried from another machine: a stranger's bytes until it is read.
#include "sdk/screen/device_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto device = madoguchi::screen::ParseDeviceFile(text, "device");
  if (!device.ok() && device.status().message().substr(0, 7) != "device:") __builtin_trap();
  return 0;
}
