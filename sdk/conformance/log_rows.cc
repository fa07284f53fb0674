// The rows about what all processes of an examination wrote.
#include <algorithm>
#include <cctype>
#include <sstream>

#include "sdk/conformance/calls.h"
#include "sdk/conformance/exam.h"
#include "sdk/failure/plain_line.h"
#include "sdk/launch/launch.h"

namespace madoguchi::conformance {
namespace {

using plugin::v1::SettingDeclaration;

std::string Hex(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    text += {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
  }
  return text;
}

// Hexadecimal digits of a log in one piece, however they were written: "DE AD", "de:ad", "0xDEAD".
std::string DigitsOf(const std::string& log) {
  std::string digits;
  for (const char c : log) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isxdigit(byte) != 0) digits += static_cast<char>(std::tolower(byte));
  }
  return digits;
}

// Secret settings with a value that shows: what the plugin makes of it is its own.
void StartWithCanaries(Exam& exam) {
  Exam::Form form;
  for (const SettingDeclaration& setting : exam.manifest().setting()) {
    if (!setting.secret() || setting.type() != SettingDeclaration::TYPE_STRING) continue;
    form.settings[setting.name()] = "SYNTHETIC-SECRET-" + setting.name();
    exam.AddSecret("a value of the setting " + setting.name(), form.settings[setting.name()]);
  }
  if (!form.settings.empty()) (void)exam.Start(form);
}

Finding NoSecretInLog(Exam& exam) {
  StartWithCanaries(exam);
  if (exam.secrets().empty()) return Skipped("nothing secret was given to it");
  for (const std::string& log : exam.logs()) {
    const std::string digits = DigitsOf(log);
    for (const auto& [bytes, what] : exam.secrets()) {
      if (log.find(bytes) == std::string::npos && digits.find(Hex(bytes)) == std::string::npos) {
        continue;
      }
      return Failed("its log holds " + what, "log what happened, never what was in it");
    }
  }
  return Passed(std::to_string(exam.secrets().size()) + " looked for in " +
                std::to_string(exam.logs().size()) + " logs");
}

Finding LogIsText(Exam& exam) {
  size_t lines = 0;
  for (const std::string& log : exam.logs()) {
    std::istringstream all(log);
    for (std::string line; std::getline(all, line); ++lines) {
      std::replace(line.begin(), line.end(), '\t', ' ');
      if (PlainLine(line, line.size()) == line) continue;
      return Failed("a line of its log is no UTF-8, or holds control characters: " + line,
                    "write lines of UTF-8 to stdout and stderr");
    }
  }
  return Passed(std::to_string(lines) + " lines");
}

}  // namespace

void LogRows(Exam& exam) {
  exam.Row("log.no-secret", "No secret setting, no PIN and no APDU's data stands in its log.",
           [&] { return NoSecretInLog(exam); });
  exam.Row("log.is-text", "Its log, fd 1 and 2, is lines of UTF-8.",
           [&] { return LogIsText(exam); });
}

}  // namespace madoguchi::conformance
