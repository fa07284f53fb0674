#include "sdk/sim/pn532/faults.h"

#include <charconv>
#include <string>

namespace madoguchi::pn532 {
namespace {

using Name = Fault::Name;

constexpr uint64_t kMostMilliseconds = 600'000;
constexpr size_t kMostStray = 1024;

enum class Value { kNone, kMilliseconds, kOptionalMilliseconds, kStatus, kBytes };

constexpr struct Row {
  std::string_view text;
  Name name;
  Value value;
  const char* expected;
} kRows[] = {
    {"drop", Name::kDrop, Value::kNone, "drop"},
    {"hang", Name::kHang, Value::kNone, "hang"},
    {"late", Name::kLate, Value::kNone, "late"},
    {"corrupt", Name::kCorrupt, Value::kNone, "corrupt"},
    {"status", Name::kStatus, Value::kStatus, "status=XX, one byte in hexadecimal"},
    {"stray", Name::kStray, Value::kBytes, "stray=HEX, 1 to 1024 bytes"},
    {"latency", Name::kLatency, Value::kMilliseconds, "latency=MS, 0 to 600000"},
    {"dead", Name::kDead, Value::kNone, "dead"},
    {"field-lost", Name::kFieldLost, Value::kNone, "field-lost"},
    {"unplug", Name::kUnplug, Value::kOptionalMilliseconds, "unplug or unplug=MS, 0 to 600000"},
};

bool Number(std::string_view text, uint64_t most, int base, uint64_t* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number, base);
  return error == std::errc() && end == text.data() + text.size() && *number <= most;
}

bool Hex(std::string_view text, Bytes* bytes) {
  if (text.empty() || text.size() % 2 != 0 || text.size() > 2 * kMostStray) return false;
  for (size_t i = 0; i < text.size(); i += 2) {
    uint64_t byte;
    if (!Number(text.substr(i, 2), 255, 16, &byte)) return false;
    bytes->push_back(static_cast<uint8_t>(byte));
  }
  return true;
}

bool Fits(Value value, const std::optional<std::string_view>& text, Fault* fault) {
  switch (value) {
    case Value::kNone:
      return !text.has_value();
    case Value::kOptionalMilliseconds:
      if (!text.has_value()) return true;
      [[fallthrough]];
    case Value::kMilliseconds:
      return text.has_value() && Number(*text, kMostMilliseconds, 10, &fault->number);
    case Value::kStatus:
      return text.has_value() && text->size() == 2 && Number(*text, 255, 16, &fault->number);
    case Value::kBytes:
      return text.has_value() && Hex(*text, &fault->bytes);
  }
  return false;
}

}  // namespace

absl::StatusOr<Fault> ParseFault(std::string_view text) {
  Fault fault{};
  std::string_view rest = text;
  if (const size_t at = rest.rfind('@'); at != rest.npos) {
    uint64_t number = 0;
    if (!Number(rest.substr(at + 1), UINT32_MAX, 10, &number) || number == 0) {
      return absl::InvalidArgumentError("expected the number of an APDU, from 1, after @: " +
                                        std::string(text));
    }
    fault.at = number;
    rest = rest.substr(0, at);
  }
  std::optional<std::string_view> value;
  if (const size_t equals = rest.find('='); equals != rest.npos) {
    value = rest.substr(equals + 1);
    rest = rest.substr(0, equals);
  }
  std::string names;
  for (const Row& row : kRows) {
    names += (names.empty() ? "" : ", ") + std::string(row.text);
    if (row.text != rest) continue;
    fault.name = row.name;
    if (Fits(row.value, value, &fault)) return fault;
    return absl::InvalidArgumentError("expected " + std::string(row.expected) + ": " +
                                      std::string(text));
  }
  return absl::InvalidArgumentError("no such fault: " + std::string(text) + "; there are " + names);
}

template <typename Due>
std::vector<Fault> Faults::Take(Due due) {
  std::vector<Fault> taken, left;
  for (Fault& fault : waiting_) (due(fault) ? taken : left).push_back(std::move(fault));
  waiting_ = std::move(left);
  return taken;
}

std::vector<Fault> Faults::TakeAt(uint64_t apdu) {
  return Take([&](const Fault& fault) { return fault.at.value_or(apdu) == apdu; });
}

std::vector<Fault> Faults::TakeNow() {
  return Take([](const Fault& fault) { return !fault.at.has_value() && !fault.OfOneApdu(); });
}

}  // namespace madoguchi::pn532
