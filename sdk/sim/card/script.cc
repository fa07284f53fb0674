#include "sdk/sim/card/script.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>

#include "sdk/sim/card/hex.h"

namespace madoguchi::sim {
namespace {

struct Expected {
  Bytes begin;
  Bytes end;
  bool exact = true;
  std::optional<size_t> length;  // Of the data, without the status word.
};

std::optional<Expected> ParseExpected(std::string text) {
  Expected expected;
  if (const size_t mark = text.find('#'); mark != std::string::npos) {
    expected.length = std::stoul(text.substr(mark + 1));
    text.erase(mark);
  }
  const size_t star = text.find('*');
  expected.exact = star == std::string::npos;
  std::optional<Bytes> begin = FromHex(text.substr(0, star));
  std::optional<Bytes> end = FromHex(expected.exact ? "" : text.substr(star + 1));
  if (!begin || !end) return std::nullopt;
  expected.begin = *std::move(begin);
  expected.end = *std::move(end);
  return expected;
}

bool Fits(const Expected& expected, const Bytes& answer) {
  if (expected.length && answer.size() != *expected.length + 2) return false;
  if (expected.exact) return answer == expected.begin;
  return answer.size() >= expected.begin.size() + expected.end.size() &&
         std::equal(expected.begin.begin(), expected.begin.end(), answer.begin()) &&
         std::equal(expected.end.rbegin(), expected.end.rend(), answer.rbegin());
}

}  // namespace

std::string PlayScript(std::string_view script, Card& card) {
  std::istringstream lines{std::string(script)};
  std::string line;
  Bytes answer;
  for (int number = 1; std::getline(lines, line); ++number) {
    line.erase(0, line.find_first_not_of(' '));
    const std::string where = "line " + std::to_string(number) + ": " + line;
    if (line.empty() || line.starts_with("//")) continue;
    if (line == "reset") {
      card.Reset();
    } else if (line[0] == '>') {
      const std::optional<Bytes> apdu = FromHex(line.substr(1));
      if (!apdu) return where + ": not hexadecimal";
      answer = card.Transmit(*apdu);
    } else if (line[0] == '<') {
      const std::optional<Expected> expected = ParseExpected(line.substr(1));
      if (!expected) return where + ": not hexadecimal";
      if (!Fits(*expected, answer)) return where + "\nbut the card said " + ToHex(answer);
    } else {
      return where + ": expected >, <, reset or //";
    }
  }
  return "";
}

}  // namespace madoguchi::sim
