#include "sdk/sim/card/faults.h"

#include <charconv>
#include <string>
#include <utility>

namespace madoguchi::sim {
namespace {

absl::Status Expected(std::string_view name, const std::string& what) {
  return absl::InvalidArgumentError("fault " + std::string(name) + ": expected " + what);
}

absl::Status Number(std::string_view name, std::string_view value, uint64_t least, uint64_t most,
                    uint64_t& number) {
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < least ||
      number > most) {
    return Expected(name, "a number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return absl::OkStatus();
}

constexpr uint64_t kMostApdus = 1'000'000'000;
constexpr uint64_t kMostMilliseconds = 600'000;

}  // namespace

absl::Status AddFault(std::string_view text, Faults& faults) {
  const size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  const bool has_value = equals != std::string_view::npos;
  const std::string_view value = has_value ? text.substr(equals + 1) : std::string_view();

  const std::pair<std::string_view, std::optional<uint64_t>*> apdus[] = {
      {"pulled-before", &faults.pulled_before},
      {"silent-from", &faults.silent_from},
      {"garbage-from", &faults.garbage_from},
  };
  for (const auto& [known, field] : apdus) {
    if (name != known) continue;
    uint64_t number = 0;
    const absl::Status status = Number(name, value, 1, kMostApdus, number);
    if (status.ok()) *field = number;
    return status;
  }
  const std::pair<std::string_view, std::chrono::milliseconds*> delays[] = {
      {"slow", &faults.slow},
      {"slow-signature", &faults.slow_signature},
  };
  for (const auto& [known, field] : delays) {
    if (name != known) continue;
    uint64_t number = 0;
    const absl::Status status = Number(name, value, 0, kMostMilliseconds, number);
    if (status.ok()) *field = std::chrono::milliseconds(number);
    return status;
  }
  const std::pair<std::string_view, std::pair<std::optional<int>*, uint64_t>> tries[] = {
      {"tries-left", {&faults.tries_left, 3}},
      {"sign-tries-left", {&faults.sign_tries_left, 5}},
  };
  for (const auto& [known, field] : tries) {
    if (name != known) continue;
    uint64_t number = 0;
    const absl::Status status = Number(name, value, 0, field.second, number);
    if (status.ok()) *field.first = static_cast<int>(number);
    return status;
  }
  const std::pair<std::string_view, bool*> switches[] = {
      {"unknown-ca", &faults.unknown_ca},
      {"flipped-signature", &faults.flipped_signature},
      {"foreign-card", &faults.foreign_card},
      {"eof-6282", &faults.eof_6282},
  };
  for (const auto& [known, field] : switches) {
    if (name != known) continue;
    if (has_value) return Expected(name, "no value");
    *field = true;
    return absl::OkStatus();
  }
  if (name == "certificate") {
    using Certificate = Faults::Certificate;
    const std::pair<std::string_view, Certificate> values[] = {
        {"expired", Certificate::kExpired},
        {"not-yet-valid", Certificate::kNotYetValid},
        {"absent", Certificate::kAbsent},
        {"blank", Certificate::kBlank},
    };
    for (const auto& [known, meaning] : values) {
      if (value != known) continue;
      faults.certificate = meaning;
      return absl::OkStatus();
    }
    return Expected(name, "expired, not-yet-valid, absent or blank");
  }
  if (name == "phone-token") {
    if (value == "android") {
      faults.phone = Faults::Phone::kAndroid;
    } else if (value == "iphone") {
      faults.phone = Faults::Phone::kIphone;
    } else {
      return Expected(name, "android or iphone");
    }
    return absl::OkStatus();
  }
  if (name == "no-short-ef") {
    if (!has_value || value == "6A82") {
      faults.no_short_ef = 0x6A82;
    } else if (value == "6A86") {
      faults.no_short_ef = 0x6A86;
    } else if (value == "6986") {
      faults.no_short_ef = 0x6986;
    } else {
      return Expected(name, "6A82, 6A86 or 6986");
    }
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "no fault is called '" + std::string(name) +
      "'; there are pulled-before, silent-from, garbage-from, slow, slow-signature, tries-left, "
      "sign-tries-left, certificate, unknown-ca, flipped-signature, phone-token, no-short-ef, "
      "foreign-card, eof-6282");
}

}  // namespace madoguchi::sim
