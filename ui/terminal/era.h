#ifndef MADOGUCHI_UI_TERMINAL_ERA_H_
#define MADOGUCHI_UI_TERMINAL_ERA_H_

#include <string>

#include "ui/terminal/language.h"

namespace madoguchi::terminal {

// An ISO 8601 calendar date for reading: 1980年2月17日（昭和55年） in Japanese, the date unchanged
// in English. The first year of an era is 元年. Before 23 October 1868 there is no era. What is not
// a calendar date is given back as it came, escaped.
std::string DateText(const std::string& iso_date, Language language);

}  // namespace madoguchi::terminal

#endif  // MADOGUCHI_UI_TERMINAL_ERA_H_
