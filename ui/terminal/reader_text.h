#ifndef MADOGUCHI_UI_TERMINAL_READER_TEXT_H_
#define MADOGUCHI_UI_TERMINAL_READER_TEXT_H_

#include <ctime>
#include <string>

#include "madoguchi/desk/v1/desk.pb.h"
#include "ui/terminal/language.h"

// The readers, as people see them. Everything that came from the host is escaped.
namespace madoguchi::terminal {

// All readers in columns of at most 80 together, and what is wrong with their services, with a
// newline at the end. `now` decides what "today" is; times are of this machine's time zone.
std::string ReaderTableText(const desk::v1::ReaderTable& table, Language language, std::time_t now);

// A time in RFC 3339, UTC, as the clock on the wall shows it: 14:05:09 today, else 11-23 14:05,
// else 2025-11-23. `text` itself, escaped, where it is no such time.
std::string WallTime(const std::string& text, std::time_t now);

// The same with date and time, whatever today is: 2025-11-23 14:05:09.
std::string LocalTime(const std::string& text);

// What lies on a reader, in words; empty where nobody looked.
std::string CardKindText(desk::v1::CardKind kind, Language language);

// What a reader hangs on; empty where its plugin does not say.
std::string LinkText(reader::v1::Link link, Language language);

}  // namespace madoguchi::terminal

#endif  // MADOGUCHI_UI_TERMINAL_READER_TEXT_H_
