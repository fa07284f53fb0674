#ifndef MADOGUCHI_UI_TERMINAL_LANGUAGE_H_
#define MADOGUCHI_UI_TERMINAL_LANGUAGE_H_

#include <string>

#include "madoguchi/check/v1/text.pb.h"

namespace madoguchi::terminal {

enum class Language { kJapanese, kEnglish };

// The language of the locale: the first of LC_ALL, LC_MESSAGES and LANG that is set and not empty;
// ja* is Japanese, anything else English.
Language LanguageOfLocale();

// `text` in `language`; in the other one where that is empty. Control characters are escaped.
std::string In(const check::v1::Text& text, Language language);

}  // namespace madoguchi::terminal

#endif  // MADOGUCHI_UI_TERMINAL_LANGUAGE_H_
