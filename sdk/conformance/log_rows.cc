// The rows about all processes of an examination: what they wrote, what their jail denied.
#include <algorithm>
#include <cctype>
#include <iterator>
#include <sstream>

#include "sdk/conformance/calls.h"
#include "sdk/conformance/exam.h"
#include "sdk/failure/plain_line.h"
#include "sdk/launch/launch.h"

namespace madoguchi::conformance {
namespace {

using plugin::v1::SettingDeclaration;

constexpr std::ptrdiff_t kShownLines = 10;

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

// What of the exam's secrets `text` holds; empty for none.
std::string SecretIn(const std::string& text, const Exam& exam) {
  const std::string digits = DigitsOf(text);
  for (const auto& [bytes, what] : exam.secrets()) {
    if (text.find(bytes) != std::string::npos || digits.find(Hex(bytes)) != std::string::npos) {
      return what;
    }
  }
  return "";
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
  for (const std::string& log : exam.lives().logs()) {
    if (const std::string what = SecretIn(log, exam); !what.empty()) {
      return Failed("its log holds " + what, "log what happened, never what was in it");
    }
  }
  return Passed(std::to_string(exam.secrets().size()) + " looked for in " +
                std::to_string(exam.lives().logs().size()) + " logs");
}

Finding LogIsText(Exam& exam) {
  size_t lines = 0;
  for (const std::string& log : exam.lives().logs()) {
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

// After all other rows: it is about every process that they started.
Finding FitsItsJail(Exam& exam) {
  {
    auto life = exam.Start();
    if (life.ok()) (void)Responds(**life, exam.Patience(kStartPatience));
  }
  const auto denied = exam.lives().Denied();
  if (!denied) return Skipped("nobody tells which system calls are denied here");
  if (denied->empty()) return Passed();
  std::string all;
  for (const auto& [what, times] : *denied) {
    all += (all.empty() ? "it " : "; ") + what + " (" + std::to_string(times) + " times)";
  }
  return Failed(all,
                "do without these calls and files, or ask in plugin.textproto for the permission that they "
                "need: " +
                    std::string(kAboutTheJail) + "; strace -f names the caller in a run by hand");
}

}  // namespace

std::vector<std::string> LogLines(const Exam& exam) {
  const bool whole = exam.options().whole_log;
  std::vector<std::string> lines;
  for (const std::string& log : whole ? exam.lives().logs() : exam.lives().LogsOfFailedRows()) {
    std::vector<std::string> of_log;
    std::istringstream all(log);
    bool held_back = false;
    for (std::string line; std::getline(all, line);) {
      std::replace(line.begin(), line.end(), '\t', ' ');
      const std::string what = SecretIn(line, exam);
      held_back = held_back || !what.empty();
      of_log.push_back(what.empty() ? line : "(a line that holds " + what + ")");
    }
    // Over several lines, such as a key.
    if (const std::string what = SecretIn(log, exam); !held_back && !what.empty()) {
      of_log = {"(a log that holds " + what + ")"};
    }
    lines.insert(lines.end(), of_log.begin(), of_log.end());
  }
  if (!whole && std::ssize(lines) > kShownLines)
    lines.erase(lines.begin(), lines.end() - kShownLines);
  return lines;
}

void LogRows(Exam& exam) {
  exam.Row("plugin.jail-fits", "It makes no system call that its jail denies.",
           [&] { return FitsItsJail(exam); });
  exam.Row("log.no-secret", "No secret setting, no PIN and no APDU's data stands in its log.",
           [&] { return NoSecretInLog(exam); });
  exam.Row("log.is-text", "Its log, fd 1 and 2, is lines of UTF-8.",
           [&] { return LogIsText(exam); });
}

}  // namespace madoguchi::conformance
