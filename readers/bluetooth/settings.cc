#include "readers/bluetooth/settings.h"

#include <algorithm>
#include <cctype>

namespace madoguchi::bluetooth {
namespace {

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

absl::Status ReadOptions(const plugin::Settings& settings, Radio::Options* options) {
  const auto readers = settings.Text("readers");
  if (!readers.ok()) return readers.status();
  auto selection = Selection::Parse(*readers);
  if (!selection.ok()) return selection.status();
  options->selection = *std::move(selection);

  const auto power_on = settings.Boolean("power_on");
  if (!power_on.ok()) return power_on.status();
  options->power_on = *power_on;

  const auto passkey = settings.Text("passkey");
  if (!passkey.ok()) return passkey.status();
  if (passkey->empty()) return absl::OkStatus();
  const bool digits =
      passkey->size() <= 6 && std::all_of(passkey->begin(), passkey->end(),
                                          [](unsigned char c) { return std::isdigit(c) != 0; });
  if (!digits) {
    return absl::InvalidArgumentError(
        "setting passkey: expected up to six digits, or nothing for pairing without one");
  }
  options->passkey = static_cast<uint32_t>(std::stoul(*passkey));
  return absl::OkStatus();
}

absl::StatusOr<Secret> ReadMasterKey(const plugin::Settings& settings) {
  auto hex = settings.Text("master_key");
  if (!hex.ok()) return hex.status();
  auto key = Secret::OfSize(kMasterKeySize);
  if (!key.ok()) return key.status();
  bool fits = hex->size() == 2 * kMasterKeySize;
  for (size_t i = 0; fits && i < kMasterKeySize; ++i) {
    const int high = DigitOf((*hex)[2 * i]), low = DigitOf((*hex)[2 * i + 1]);
    fits = high >= 0 && low >= 0;
    key->bytes()[i] = static_cast<uint8_t>(high << 4 | low);
  }
  Wipe({reinterpret_cast<uint8_t*>(hex->data()), hex->size()});
  if (!fits) {
    return absl::InvalidArgumentError(
        "setting master_key: expected 32 hexadecimal digits, the reader's customer master key");
  }
  return key;
}

}  // namespace madoguchi::bluetooth
