#include "ui/terminal/text.h"

#include "ui/terminal/width.h"

namespace madoguchi::terminal {

std::string Fill(const Phrase& phrase, Language language,
                 std::initializer_list<std::string> values) {
  std::string text = phrase.In(language);
  size_t from = 0;
  for (const std::string& value : values) {
    const size_t place = text.find("{}", from);
    if (place == std::string::npos) break;
    const std::string printable = Printable(value);
    text.replace(place, 2, printable);
    from = place + printable.size();
  }
  return text;
}

}  // namespace madoguchi::terminal
