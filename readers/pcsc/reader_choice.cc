#include "readers/pcsc/reader_choice.h"

#include <algorithm>
#include <utility>

namespace madoguchi::pcsc {
namespace {

// MAX_READERNAME of PC/SC, less the zero at its end.
constexpr size_t kLongestName = 127;
constexpr size_t kMostPatterns = 64;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string Trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

bool MatchesAny(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return MatchesPattern(pattern, name); });
}

}  // namespace

bool MatchesPattern(const std::string& pattern, const std::string& name) {
  size_t at = 0, in_name = 0;
  size_t star = std::string::npos, taken = 0;  // the last star, and where what it stands for ends
  while (in_name < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      taken = in_name;
    } else if (at < pattern.size() &&
               (pattern[at] == '?' || Lower(pattern[at]) == Lower(name[in_name]))) {
      ++at;
      ++in_name;
    } else if (star != std::string::npos) {
      at = star + 1;
      in_name = ++taken;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

absl::StatusOr<std::vector<std::string>> ParsePatterns(const std::string& setting,
                                                       const std::string& text) {
  std::vector<std::string> patterns;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(';', begin), text.size());
    const std::string pattern = Trimmed(text.substr(begin, end - begin));
    const bool last = end == text.size();
    begin = end + 1;
    if (pattern.empty() && last) break;
    const std::string place =
        "setting " + setting + ", pattern " + std::to_string(patterns.size() + 1);
    if (pattern.empty()) {
      return absl::InvalidArgumentError(place +
                                        " is empty; write a name with * in it, such as *ACR*, "
                                        "and one semicolon between two of them");
    }
    if (pattern.size() > kLongestName) {
      return absl::InvalidArgumentError(place + " has " + std::to_string(pattern.size()) +
                                        " bytes; a reader's name has at most 127: shorten it "
                                        "with *");
    }
    if (patterns.size() == kMostPatterns) {
      return absl::InvalidArgumentError(place +
                                        " is one too many; at most 64 are taken: put "
                                        "several into one with *");
    }
    patterns.push_back(pattern);
  }
  return patterns;
}

absl::StatusOr<ReaderChoice> ReaderChoice::Parse(const std::string& allowed,
                                                 const std::string& ignored) {
  ReaderChoice choice;
  auto parsed = ParsePatterns("readers", allowed);
  if (!parsed.ok()) return parsed.status();
  choice.allowed_ = *std::move(parsed);
  parsed = ParsePatterns("ignore_readers", ignored);
  if (!parsed.ok()) return parsed.status();
  choice.ignored_ = *std::move(parsed);
  return choice;
}

bool ReaderChoice::Takes(const std::string& name) const {
  if (MatchesAny(ignored_, name)) return false;
  return allowed_.empty() || MatchesAny(allowed_, name);
}

}  // namespace madoguchi::pcsc
