#include "readers/pcsc/pad_rules.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "readers/pcsc/reader_choice.h"

namespace madoguchi::pcsc {
namespace {

struct Word {
  const char* name;
  std::optional<uint8_t> PadRule::*field;
  int base;
  unsigned least, most;
};

constexpr Word kWords[] = {
    {"timeout", &PadRule::timeout, 10, 1, 255},
    {"shortest", &PadRule::shortest, 10, 1, 16},
    {"longest", &PadRule::longest, 10, 1, 16},
    {"format", &PadRule::format, 16, 0, 0xFF},
    {"block", &PadRule::block, 16, 0, 0xFF},
    {"length_format", &PadRule::length_format, 16, 0, 0xFF},
    {"validation", &PadRule::validation, 16, 0, 0xFF},
    {"messages", &PadRule::messages, 16, 0, 0xFF},
};

constexpr char kAllWords[] =
    "pin_pad, lc, timeout, shortest, longest, format, block, length_format, validation, messages, "
    "language";

std::optional<unsigned> Number(const std::string& text, int base) {
  unsigned number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number, base);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

absl::Status Wrong(const std::string& place, const std::string& what) {
  return absl::InvalidArgumentError(place + ": " + what);
}

// "off" and "on".
std::optional<bool> Switch(const std::string& value) {
  if (value == "on") return true;
  if (value == "off") return false;
  return std::nullopt;
}

absl::Status TakeWord(const std::string& place, const std::string& text, PadRule* rule) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos) {
    return Wrong(place, "\"" + text + "\" has no value; expected WORD=VALUE, such as pin_pad=off");
  }
  const std::string name = text.substr(0, equals), value = text.substr(equals + 1);
  if (name == "pin_pad" || name == "lc") {
    const auto on = Switch(value);
    if (!on) return Wrong(place, name + " is \"" + value + "\"; expected on or off");
    (name == "lc" ? rule->lc : rule->off) = name == "lc" ? *on : !*on;
    return absl::OkStatus();
  }
  if (name == "language") {
    const auto number = Number(value, 16);
    if (!number || *number > 0xFFFF) {
      return Wrong(place, "language is \"" + value + "\"; expected 0 to FFFF, hexadecimal");
    }
    rule->language = static_cast<uint16_t>(*number);
    return absl::OkStatus();
  }
  const auto word = std::find_if(std::begin(kWords), std::end(kWords),
                                 [&](const Word& known) { return name == known.name; });
  if (word == std::end(kWords)) {
    return Wrong(place, "unknown word \"" + name + "\"; expected one of " + kAllWords);
  }
  const auto number = Number(value, word->base);
  if (!number || *number < word->least || *number > word->most) {
    return Wrong(place, name + " is \"" + value + "\"; expected " +
                            (word->base == 16 ? "0 to FF, hexadecimal"
                                              : std::to_string(word->least) + " to " +
                                                    std::to_string(word->most)));
  }
  rule->*(word->field) = static_cast<uint8_t>(*number);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PadRules> PadRules::Parse(const std::string& text) {
  PadRules rules;
  std::istringstream parts(text);
  std::string part;
  for (int number = 1; std::getline(parts, part, ';'); ++number) {
    if (part.find_first_not_of(" \t\r\n") == std::string::npos) continue;
    const std::string place = "setting pads, rule " + std::to_string(number);
    // The last one: a reader's name may have a colon.
    const size_t colon = part.rfind(':');
    if (colon == std::string::npos) {
      return Wrong(place, "no colon in \"" + part +
                              "\"; expected PATTERN: WORD=VALUE, such as "
                              "*ACR83*: timeout=30");
    }
    const auto pattern = ParsePatterns("pads", part.substr(0, colon));
    if (!pattern.ok()) return Wrong(place, std::string(pattern.status().message()));
    if (pattern->empty()) {
      return Wrong(place, "no reader before the colon; expected PATTERN: WORD=VALUE");
    }
    PadRule rule;
    std::istringstream words(part.substr(colon + 1));
    int count = 0;
    for (std::string word; words >> word; ++count) {
      if (absl::Status taken = TakeWord(place, word, &rule); !taken.ok()) return taken;
    }
    if (count == 0) return Wrong(place, "nothing after the colon; expected WORD=VALUE");
    if (rule.shortest && rule.longest && *rule.shortest > *rule.longest) {
      return Wrong(place, "shortest is more than longest; expected the smaller one first");
    }
    rules.rules_.emplace_back(pattern->front(), rule);
  }
  return rules;
}

PadRule PadRules::Of(const std::string& reader) const {
  for (const auto& [pattern, rule] : rules_) {
    if (MatchesPattern(pattern, reader)) return rule;
  }
  return PadRule();
}

}  // namespace madoguchi::pcsc
