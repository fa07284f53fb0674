#include "sdk/sim/bluez/faults.h"

#include <charconv>
#include <functional>
#include <map>
#include <string_view>

#include "sdk/sim/bluez/hex.h"

namespace madoguchi::bluez {
namespace {

absl::Status Wrong(const std::string& name, const std::string& expected) {
  return absl::InvalidArgumentError("fault " + name + ": expected " + expected);
}

template <typename T>
absl::Status Number(const std::string& name, const std::optional<std::string>& value, T least,
                    T most, T& number) {
  T read{};
  if (value) {
    const char* end = value->data() + value->size();
    const auto [at, error] = std::from_chars(value->data(), end, read);
    if (error == std::errc() && at == end && read >= least && read <= most) {
      number = read;
      return absl::OkStatus();
    }
  }
  return Wrong(name, "=" + std::to_string(least) + ".." + std::to_string(most));
}

// A key that is not the one that readers leave the factory with.
const char kAnotherKey[] = "Not The Same Key";

const std::map<std::string, bool Faults::*> kFlags = {
    {"wrong-proof", &Faults::wrong_proof},
    {"refuse-authentication", &Faults::refuse_authentication},
    {"never-found", &Faults::never_found},
    {"no-uuid", &Faults::no_uuid},
    {"pairing", &Faults::pairing},
    {"write-without-response", &Faults::write_without_response},
    {"remove-gatt", &Faults::remove_gatt},
    {"battery-claimed", &Faults::battery_claimed},
};

const std::map<std::string, uint32_t Faults::*> kCounts = {
    {"flip-every", &Faults::flip_every},       {"drop-at", &Faults::drop_at},
    {"drop-at-apdu", &Faults::drop_at_apdu},   {"silent-from", &Faults::silent_from},
    {"fail-connects", &Faults::fail_connects},
};

}  // namespace

absl::Status AddFault(const std::string& text, Faults& faults) {
  const size_t sign = text.find('=');
  const std::string name = text.substr(0, sign);
  std::optional<std::string> value;
  if (sign != std::string::npos) value = text.substr(sign + 1);
  if (const auto flag = kFlags.find(name); flag != kFlags.end()) {
    if (value) return Wrong(name, "no value");
    faults.*flag->second = true;
    return absl::OkStatus();
  }
  if (const auto count = kCounts.find(name); count != kCounts.end()) {
    return Number<uint32_t>(name, value, 0, 1'000'000, faults.*count->second);
  }
  if (name == "chained") return Number<size_t>(name, value, 1, 2000, faults.chained);
  if (name == "mtu") return Number<size_t>(name, value, 23, 517, faults.mtu);
  if (name == "slow") {
    uint32_t milliseconds = 0;
    const absl::Status status = Number<uint32_t>(name, value, 0, 600'000, milliseconds);
    if (status.ok()) faults.slow = std::chrono::milliseconds(milliseconds);
    return status;
  }
  if (name == "other-key") {
    const auto key = value ? FromHex(*value) : Bytes(kAnotherKey, kAnotherKey + 16);
    if (!key || key->size() != 16) return Wrong(name, "32 hex digits or no value");
    faults.other_key = *key;
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("no such fault: " + name);
}

}  // namespace madoguchi::bluez
