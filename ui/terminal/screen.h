#ifndef MADOGUCHI_UI_TERMINAL_SCREEN_H_
#define MADOGUCHI_UI_TERMINAL_SCREEN_H_

#include <string>

#include "madoguchi/desk/v1/desk.pb.h"
#include "ui/terminal/language.h"

// From a View to text. Everything that came from the host is escaped.
namespace madoguchi::terminal {

// Where the check stands: the view's title, its advice in the lines after it, newlines at the end.
std::string ProgressText(const desk::v1::View& view, Language language);

// The form of a PIN as people say it: 4, or 6～16.
std::string LengthText(uint32_t shortest, uint32_t longest, Language language);

// The verdict as the staff read it: aligned rows, empty fields left out, a newline at the end.
std::string VerdictText(const check::v1::Verdict& verdict, Language language);

// What happened, what to do now, and the code, on two or three lines with a newline at the end.
// Texts that are missing are taken from the catalogue.
std::string FailureText(const check::v1::Failure& failure, Language language);

// `failure` with the catalogue's texts where it has none of its own.
check::v1::Failure WithTexts(const check::v1::Failure& failure);

}  // namespace madoguchi::terminal

#endif  // MADOGUCHI_UI_TERMINAL_SCREEN_H_
