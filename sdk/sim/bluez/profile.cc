#include "sdk/sim/bluez/profile.h"

namespace madoguchi::bluez {

std::string SigUuid(const std::string& four_digits) {
  return "0000" + four_digits + "-0000-1000-8000-00805f9b34fb";
}

Profile CommonServices(const std::string& maker, const std::string& model,
                       const std::string& serial, const std::string& firmware) {
  const auto text = [](const char* digits, const std::string& value) {
    return GattCharacteristic{
        .uuid = SigUuid(digits), .flags = {"read"}, .value = Bytes(value.begin(), value.end())};
  };
  return {
      {.uuid = SigUuid("180a"),
       .characteristics = {text("2a29", maker), text("2a24", model), text("2a25", serial),
                           text("2a26", firmware)}},
      {.uuid = SigUuid(kBatteryServiceDigits),
       .characteristics = {{.uuid = SigUuid("2a19"),
                            .flags = {"read", "notify"},
                            .pipe = Pipe::kBattery}}},
  };
}

}  // namespace madoguchi::bluez
