#include "sdk/conformance/report.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <utility>

#include "sdk/failure/plain_line.h"

namespace madoguchi::conformance {
namespace {

constexpr size_t kColumns = 100;
constexpr size_t kLongestText = 2000;  // bytes
// "  pass  ", the id, two spaces, the sentence.
constexpr size_t kMarkWidth = 8;
constexpr size_t kIdWidth = 30;
constexpr size_t kSentenceAt = kMarkWidth + kIdWidth + 2;
constexpr size_t kSentenceWidth = kColumns - kSentenceAt;
// What takes less is not worth its place on the page.
constexpr double kShownSeconds = 0.5;

const char* NameOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPassed:
      return "passed";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kSkipped:
      return "skipped";
  }
  return "";
}

const char* MarkOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPassed:
      return "  pass  ";
    case Outcome::kFailed:
      return "  FAIL  ";
    case Outcome::kSkipped:
      return "  skip  ";
  }
  return "";
}

// The bytes of the character that starts with `first`; the texts are UTF-8 by now.
size_t SizeOf(char first) {
  const auto byte = static_cast<uint8_t>(first);
  return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

// In columns: what lies above U+1100 is mostly wide, and taken so.
size_t WidthOf(std::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size(); i += SizeOf(text[i])) {
    width += static_cast<uint8_t>(text[i]) >= 0xE1 ? 2 : 1;
  }
  return width;
}

// `text` in lines of at most `width` columns, broken at spaces where there are any.
std::vector<std::string> Wrapped(std::string_view text, size_t width) {
  std::vector<std::string> lines{""};
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t taken = WidthOf(lines.back());
    if (taken > 0 && taken + 1 + WidthOf(word) > width) lines.emplace_back();
    if (!lines.back().empty()) lines.back() += ' ';
    for (; !word.empty(); word.remove_prefix(SizeOf(word[0]))) {
      const std::string_view one = word.substr(0, SizeOf(word[0]));
      if (WidthOf(lines.back()) + WidthOf(one) > width) lines.emplace_back();
      lines.back() += one;
    }
  }
  return lines;
}

std::string Pad(std::string text, size_t width) {
  const size_t taken = WidthOf(text);
  if (taken < width) text.append(width - taken, ' ');
  return text;
}

std::string Time(double seconds) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f", seconds);
  return text;
}

// A paragraph after a label, all but the first line below its start.
std::string Paragraph(const std::string& label, const std::string& text) {
  std::string out;
  const size_t at = kMarkWidth + 6;
  std::string begin = Pad(std::string(kMarkWidth, ' ') + label, at);
  for (const std::string& line : Wrapped(text, kColumns - at)) {
    out += begin + line + "\n";
    begin = std::string(at, ' ');
  }
  return out;
}

std::string TextOf(const Row& row) {
  std::string sentence = row.sentence;
  if (row.finding.outcome == Outcome::kPassed && !row.finding.detail.empty()) {
    sentence += " [" + row.finding.detail + "]";
  }
  if (row.seconds >= kShownSeconds) sentence += " (" + Time(row.seconds) + " s)";
  const std::vector<std::string> lines = Wrapped(sentence, kSentenceWidth);
  std::string out = MarkOf(row.finding.outcome) + Pad(row.id, kIdWidth);
  // An id that is too long has the line for itself.
  if (WidthOf(row.id) > kIdWidth) {
    out += "\n" + std::string(kSentenceAt, ' ');
  } else {
    out += "  ";
  }
  out += lines[0] + "\n";
  for (size_t i = 1; i < lines.size(); ++i) out += std::string(kSentenceAt, ' ') + lines[i] + "\n";
  if (row.finding.outcome == Outcome::kFailed) {
    out += Paragraph("seen", row.finding.detail) + Paragraph("do", row.finding.advice);
  }
  return out;
}

std::string JsonString(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string XmlText(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const std::string_view one = text.substr(i, SizeOf(text[i]));
    i += one.size();
    if (one == "&") {
      out += "&amp;";
    } else if (one == "<") {
      out += "&lt;";
    } else if (one == ">") {
      out += "&gt;";
    } else if (one == "\"") {
      out += "&quot;";
    } else if (one == "\xEF\xBF\xBE" || one == "\xEF\xBF\xBF") {
      out += "?";  // U+FFFE and U+FFFF are no characters of XML
    } else {
      out += one;
    }
  }
  return out;
}

}  // namespace

Finding Passed(const std::string& detail) { return {Outcome::kPassed, detail, ""}; }

Finding Failed(const std::string& seen, const std::string& advice) {
  return {Outcome::kFailed, seen, advice};
}

Finding Skipped(const std::string& why) { return {Outcome::kSkipped, why, ""}; }

Report::Report(std::string title, std::vector<std::string> heading)
    : title_(PlainLine(title, kLongestText)), heading_(std::move(heading)) {
  for (std::string& line : heading_) line = PlainLine(line, kLongestText);
}

void Report::Add(Row row) {
  for (std::string* text : {&row.sentence, &row.finding.detail, &row.finding.advice}) {
    *text = PlainLine(*text, kLongestText);
  }
  rows_.push_back(std::move(row));
}

void Report::Check(const std::string& id, const std::string& sentence,
                   const std::function<Finding()>& look) {
  const auto begin = std::chrono::steady_clock::now();
  Finding finding = look();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  Add({id, sentence, std::move(finding), taken.count()});
}

void Report::SetLog(std::vector<std::string> lines) {
  log_ = std::move(lines);
  for (std::string& line : log_) line = PlainLine(line, kLongestText);
}

int Report::CountOf(Outcome outcome) const {
  return static_cast<int>(std::count_if(
      rows_.begin(), rows_.end(), [&](const Row& row) { return row.finding.outcome == outcome; }));
}

bool Report::Passes() const {
  return CountOf(Outcome::kFailed) == 0 && CountOf(Outcome::kPassed) > 0;
}

double Report::Seconds() const {
  double seconds = 0;
  for (const Row& row : rows_) seconds += row.seconds;
  return seconds;
}

std::string Report::Text() const {
  std::string out;
  for (const std::string& line : Wrapped(title_, kColumns)) out += line + "\n";
  for (const std::string& fact : heading_) {
    for (const std::string& line : Wrapped(fact, kColumns - 2)) out += "  " + line + "\n";
  }
  std::string family;
  std::string why;  // rows that are skipped for one reason say it once
  for (const Row& row : rows_) {
    if (const std::string of = row.id.substr(0, row.id.find('.')); of != family) {
      out += "\n";
      family = of;
    }
    out += TextOf(row);
    const bool skipped = row.finding.outcome == Outcome::kSkipped;
    if (skipped && row.finding.detail != why) out += Paragraph("why", row.finding.detail);
    why = skipped ? row.finding.detail : "";
  }
  if (!log_.empty()) out += "\n  log\n";
  for (const std::string& line : log_) {
    for (const std::string& part : Wrapped(line, kColumns - kMarkWidth)) {
      out += std::string(kMarkWidth, ' ') + part + "\n";
    }
  }
  out += std::string("\n") + (Passes() ? "PASSED" : "FAILED") + ": " +
         std::to_string(CountOf(Outcome::kPassed)) + " passed, " +
         std::to_string(CountOf(Outcome::kFailed)) + " failed, " +
         std::to_string(CountOf(Outcome::kSkipped)) + " skipped in " + Time(Seconds()) + " s\n";
  return out;
}

std::string Report::Json() const {
  std::string out = "{\"title\": " + JsonString(title_) + ",\n \"heading\": [";
  for (size_t i = 0; i < heading_.size(); ++i) {
    out += (i == 0 ? "" : ", ") + JsonString(heading_[i]);
  }
  out += std::string("],\n \"passes\": ") + (Passes() ? "true" : "false");
  for (const Outcome outcome : {Outcome::kPassed, Outcome::kFailed, Outcome::kSkipped}) {
    out += std::string(", \"") + NameOf(outcome) + "\": " + std::to_string(CountOf(outcome));
  }
  out += ", \"seconds\": " + Time(Seconds()) + ",\n \"rows\": [";
  for (size_t i = 0; i < rows_.size(); ++i) {
    const Row& row = rows_[i];
    out += std::string(i == 0 ? "" : ",") + "\n  {\"id\": " + JsonString(row.id) +
           ", \"sentence\": " + JsonString(row.sentence) + ", \"outcome\": \"" +
           NameOf(row.finding.outcome) + "\", \"detail\": " + JsonString(row.finding.detail) +
           ", \"advice\": " + JsonString(row.finding.advice) +
           ", \"seconds\": " + Time(row.seconds) + "}";
  }
  out += "],\n \"log\": [";
  for (size_t i = 0; i < log_.size(); ++i) out += (i == 0 ? "" : ", ") + JsonString(log_[i]);
  return out + "]}\n";
}

std::string Report::Junit() const {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"" +
                    XmlText(title_) + "\" tests=\"" + std::to_string(rows_.size()) +
                    "\" failures=\"" + std::to_string(CountOf(Outcome::kFailed)) +
                    "\" errors=\"0\" skipped=\"" + std::to_string(CountOf(Outcome::kSkipped)) +
                    "\" time=\"" + Time(Seconds()) + "\">\n";
  for (const Row& row : rows_) {
    const size_t dot = std::min(row.id.find('.'), row.id.size());
    out += "<testcase classname=\"" + XmlText(row.id.substr(0, dot)) + "\" name=\"" +
           XmlText(row.id.substr(std::min(dot + 1, row.id.size()))) + "\" time=\"" +
           Time(row.seconds) + "\"";
    const std::string message = "message=\"" + XmlText(row.finding.detail) + "\"";
    switch (row.finding.outcome) {
      case Outcome::kPassed:
        out += "/>\n";
        break;
      case Outcome::kFailed:
        out += "><failure " + message + ">" +
               XmlText(row.sentence + " " + row.finding.detail + " " + row.finding.advice) +
               "</failure></testcase>\n";
        break;
      case Outcome::kSkipped:
        out += "><skipped " + message + "/></testcase>\n";
        break;
    }
  }
  return out + "</testsuite>\n</testsuites>\n";
}

}  // namespace madoguchi::conformance
