#include "ui/terminal/era.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>

#include "ui/terminal/width.h"

namespace madoguchi::terminal {
namespace {

using std::chrono::day;
using std::chrono::month;
using std::chrono::year;
using std::chrono::year_month_day;

struct Era {
  year_month_day first;  // the first day that bears its name
  const char* name;
};

constexpr Era kEras[] = {
    {year(2019) / 5 / 1, "令和"},  {year(1989) / 1 / 8, "平成"},   {year(1926) / 12 / 25, "昭和"},
    {year(1912) / 7 / 30, "大正"}, {year(1868) / 10 / 23, "明治"},
};

bool Parse(const std::string& text, year_month_day* date) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  for (const size_t i : {0, 1, 2, 3, 5, 6, 8, 9}) {
    if (text[i] < '0' || text[i] > '9') return false;
  }
  const auto number = [&](size_t at, size_t size) {
    return std::atoi(text.substr(at, size).c_str());
  };
  *date = year(number(0, 4)) / month(number(5, 2)) / day(number(8, 2));
  return date->ok();
}

}  // namespace

std::string DateText(const std::string& iso_date, Language language) {
  year_month_day date;
  if (!Parse(iso_date, &date) || language == Language::kEnglish) return Printable(iso_date);
  const int calendar_year = static_cast<int>(date.year());
  std::string text = std::to_string(calendar_year) + "年" +
                     std::to_string(static_cast<unsigned>(date.month())) + "月" +
                     std::to_string(static_cast<unsigned>(date.day())) + "日";
  for (const Era& era : kEras) {
    if (date < era.first) continue;
    const int n = calendar_year - static_cast<int>(era.first.year()) + 1;
    return text + "（" + era.name + (n == 1 ? "元" : std::to_string(n)) + "年）";
  }
  return text;
}

}  // namespace madoguchi::terminal
