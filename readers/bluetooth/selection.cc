#include "readers/bluetooth/selection.h"

#include <algorithm>
#include <cctype>

namespace madoguchi::bluetooth {
namespace {

std::string Upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

bool IsAddress(const std::string& text) {
  if (text.size() != 17) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool fits =
        i % 3 == 2 ? text[i] == ':' : std::isxdigit(static_cast<unsigned char>(text[i])) != 0;
    if (!fits) return false;
  }
  return true;
}

// With no more work than the lengths' product, whatever the pattern.
bool Fits(const std::string& pattern, const std::string& text) {
  size_t p = 0, t = 0, star = std::string::npos, from = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string::npos) {
      p = star + 1;
      t = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string Trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

}  // namespace

absl::StatusOr<Selection> Selection::Parse(const std::string& text) {
  Selection selection;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string entry = Trimmed(text.substr(begin, end - begin));
    begin = end + 1;
    if (entry.empty()) continue;
    if (entry.size() > 248) {
      return absl::InvalidArgumentError(
          "setting readers has a name of over 248 bytes; no Bluetooth name is longer");
    }
    if (IsAddress(entry)) {
      selection.entries_.push_back({Kind::kAddress, Upper(entry)});
    } else {
      const bool pattern = entry.find('*') != std::string::npos;
      selection.entries_.push_back({pattern ? Kind::kPattern : Kind::kName, entry});
    }
  }
  if (selection.entries_.size() > kMostEntries) {
    return absl::InvalidArgumentError("setting readers has " +
                                      std::to_string(selection.entries_.size()) +
                                      " entries; expected at most 16");
  }
  return selection;
}

bool Selection::Means(const Entry& entry, const std::string& address, const std::string& name,
                      bool known) {
  switch (entry.kind) {
    case Kind::kAddress:
      return entry.text == Upper(address);
    case Kind::kName:
      return entry.text == name;
    case Kind::kPattern:
      return known && Fits(entry.text, name);
  }
  return false;
}

const Selection::Entry* Selection::Match(const std::string& address, const std::string& name,
                                         bool known) const {
  const Entry* match = nullptr;
  for (const Entry& entry : entries_) {
    if (!Means(entry, address, name, known)) continue;
    if (entry.kind == Kind::kAddress) return &entry;
    if (match == nullptr) match = &entry;
  }
  return match;
}

}  // namespace madoguchi::bluetooth
