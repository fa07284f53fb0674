#include "sdk/sim/bluez/reader_options.h"

#include <stdio.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "sdk/sim/bluez/acr1255_cipher.h"
#include "sdk/sim/bluez/hex.h"

namespace madoguchi::bluez {
namespace {

absl::Status Wrong(const std::string& name, const std::string& expected) {
  return absl::InvalidArgumentError("--reader: " + name + ": expected " + expected);
}

std::optional<int> Number(const std::string& text, int least, int most) {
  int number = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || at != end || number < least || number > most) return std::nullopt;
  return number;
}

bool IsAddress(const std::string& text) {
  if (text.size() != 17) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool right = i % 3 == 2 ? text[i] == ':'
                                  : std::isdigit(static_cast<unsigned char>(text[i])) != 0 ||
                                        (text[i] >= 'A' && text[i] <= 'F');
    if (!right) return false;
  }
  return true;
}

std::string Formatted(const char* format, int number) {
  char text[40];
  snprintf(text, sizeof text, format, number);
  return text;
}

absl::Status SetPart(const std::string& name, const std::string& value, ReaderOptions& reader) {
  if (name == "id") {
    if (value.empty() || value.find_first_of(" :") != std::string::npos) {
      return Wrong("id", "a word without blanks and colons");
    }
    reader.identity.id = value;
  } else if (name == "card") {
    if (value.empty() || value.size() > 107) return Wrong("card", "a path of 1 to 107 bytes");
    reader.card_path = value;
  } else if (name == "port") {
    const auto port = Number(value, 0, 65535);
    if (!port) return Wrong("port", "0 to 65535");
    reader.port = static_cast<uint16_t>(*port);
  } else if (name == "address") {
    if (!IsAddress(value)) return Wrong("address", "AA:BB:CC:DD:EE:FF");
    reader.identity.address = value;
  } else if (name == "name") {
    reader.identity.name = value;
  } else if (name == "key") {
    reader.key = FromHex(value);
    if (!reader.key || reader.key->size() != acr1255::kKeySize)
      return Wrong("key", "32 hex digits");
  } else if (name == "battery") {
    const auto percent = Number(value, 0, 100);
    if (!percent) return Wrong("battery", "0 to 100");
    reader.battery = static_cast<uint8_t>(*percent);
  } else if (name == "passkey") {
    const auto passkey = Number(value, 0, 999999);
    if (!passkey) return Wrong("passkey", "0 to 999999");
    reader.identity.passkey = static_cast<uint32_t>(*passkey);
  } else if (name == "rssi") {
    const auto rssi = Number(value, -127, 20);
    if (!rssi) return Wrong("rssi", "-127 to 20");
    reader.identity.rssi = static_cast<int16_t>(*rssi);
  } else {
    return absl::InvalidArgumentError("--reader: " + name + ": no such setting");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ReaderOptions> ParseReader(const std::string& text, int number) {
  ReaderOptions reader;
  size_t end = text.find(',');
  const std::string kind = text.substr(0, end);
  if (kind == "acr1255") {
    reader.kind = ReaderOptions::Kind::kAcr1255;
    reader.identity.name = Formatted("ACR1255U-J1-%06d", number);
    reader.identity.maker = "Advanced Card Systems Ltd.";
    reader.identity.model = "ACR1255U-J1";
  } else if (kind == "br301") {
    reader.kind = ReaderOptions::Kind::kBr301;
    reader.identity.name = Formatted("FT_%012d", number);
    reader.identity.maker = "Feitian";
    reader.identity.model = "bR301";
  } else if (kind == "springcore") {
    reader.kind = ReaderOptions::Kind::kSpringCore;
    reader.identity.name = Formatted("SpringCore-%06d", number);
    reader.identity.maker = "SpringCard";
    reader.identity.model = "SpringCore";
  } else {
    return Wrong(kind, "acr1255, br301 or springcore");
  }
  reader.identity.id = "reader" + std::to_string(number);
  // Addresses that are kept for examples (RFC 7042, 2.1.2).
  reader.identity.address = Formatted("00:00:5E:00:53:%02X", 0x10 + number % 0xE0);
  while (end != std::string::npos) {
    const size_t begin = end + 1;
    end = text.find(',', begin);
    const std::string part = text.substr(begin, end == std::string::npos ? end : end - begin);
    const size_t sign = part.find('=');
    if (sign == std::string::npos) return Wrong(part, "NAME=VALUE");
    const absl::Status status = SetPart(part.substr(0, sign), part.substr(sign + 1), reader);
    if (!status.ok()) return status;
  }
  if (reader.card_path.empty() == !reader.port) return Wrong(text, "one of card= and port=");
  return reader;
}

absl::Status ParseFault(const std::string& text, Options& options) {
  if (text == "no-adapter") {
    options.adapter_absent = true;
    return absl::OkStatus();
  }
  if (text == "adapter-off") {
    options.adapter_off = true;
    return absl::OkStatus();
  }
  if (text == "adapter-blocked") {
    options.adapter_blocked = true;
    return absl::OkStatus();
  }
  const size_t colon = text.find(':');
  const std::string id = colon == std::string::npos ? "" : text.substr(0, colon);
  const std::string fault = colon == std::string::npos ? text : text.substr(colon + 1);
  bool found = false;
  for (ReaderOptions& reader : options.readers) {
    if (!id.empty() && reader.identity.id != id) continue;
    found = true;
    const absl::Status status = AddFault(fault, reader.faults);
    if (!status.ok()) return status;
  }
  if (!found) return absl::InvalidArgumentError("--fault " + text + ": there is no such reader");
  return absl::OkStatus();
}

}  // namespace madoguchi::bluez
