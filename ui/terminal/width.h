#ifndef MADOGUCHI_UI_TERMINAL_WIDTH_H_
#define MADOGUCHI_UI_TERMINAL_WIDTH_H_

#include <string>
#include <vector>

// Text as a terminal shows it. All strings are UTF-8.
namespace madoguchi::terminal {

// The columns that `text` takes (Unicode Standard Annex 11): two for wide and full-width
// characters, none for combining ones and variation selectors, one for all others. Ambiguous ones
// count as one. A byte that is not UTF-8 counts as one.
int DisplayWidth(const std::string& text);

// `text` with spaces after it up to `columns`; unchanged when it is as wide already.
std::string PadTo(const std::string& text, int columns);

// `text` with everything escaped that could steer a terminal or reorder what is read: C0 and C1
// controls and DEL, bidirectional controls, invisible separators (\u{202E}), and bytes that are not
// UTF-8 (\x9B). For every string that came from elsewhere.
std::string Printable(const std::string& text);

// Rows with aligned columns, two spaces between them, each row ended by a newline. Nothing is
// escaped here.
std::string Columns(const std::vector<std::vector<std::string>>& rows);

// The same, with no column wider than its number in `widths`: what is longer goes on in the next
// line, below its beginning. Lines are broken at spaces, before an opening bracket and between wide
// characters; a word that is wider than its column is cut.
std::string WrappedColumns(const std::vector<std::vector<std::string>>& rows,
                           const std::vector<int>& widths);

// `text` in lines of at most `columns`, broken as above. One line at least.
std::vector<std::string> WrapTo(const std::string& text, int columns);

}  // namespace madoguchi::terminal

#endif  // MADOGUCHI_UI_TERMINAL_WIDTH_H_
