#ifndef MADOGUCHI_READERS_BLUETOOTH_SETTINGS_H_
#define MADOGUCHI_READERS_BLUETOOTH_SETTINGS_H_

#include "readers/bluetooth/radio.h"
#include "sdk/plugin/plugin.h"

namespace madoguchi::bluetooth {

// The settings `readers`, `passkey` and `power_on`. INVALID_ARGUMENT, as Plugin::Start returns it,
// names the setting and never shows a secret one's value.
absl::Status ReadOptions(const plugin::Settings& settings, Radio::Options* options);

constexpr size_t kMasterKeySize = 16;

// The setting `master_key`: 32 hexadecimal digits as 16 bytes.
absl::StatusOr<Secret> ReadMasterKey(const plugin::Settings& settings);

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_SETTINGS_H_
