#include "ui/terminal/language.h"

#include <cstdlib>

#include "ui/terminal/width.h"

namespace madoguchi::terminal {

Language LanguageOfLocale() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char* const value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    return std::string(value).rfind("ja", 0) == 0 ? Language::kJapanese : Language::kEnglish;
  }
  return Language::kEnglish;
}

std::string In(const check::v1::Text& text, Language language) {
  const bool japanese = language == Language::kJapanese;
  const std::string& wanted = japanese ? text.ja() : text.en();
  return Printable(wanted.empty() ? (japanese ? text.en() : text.ja()) : wanted);
}

}  // namespace madoguchi::terminal
