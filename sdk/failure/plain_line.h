#ifndef MADOGUCHI_SDK_FAILURE_PLAIN_LINE_H_
#define MADOGUCHI_SDK_FAILURE_PLAIN_LINE_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace madoguchi {

// The most bytes of a line that goes into a message: a few sentences, in either language.
inline constexpr size_t kLongestLine = 400;

// A stranger's `bytes` as one line of UTF-8 (RFC 3629) of at most `longest` bytes, cut between two
// characters. '?' stands for each byte that belongs to no character, to a control character (C0,
// DEL, C1), or to one that is not seen or turns the text around it (zero-width characters, line
// separators, controls of bidirectional text): it could make one name look like another. A proto3
// string that is not UTF-8 is sent all the same, and then no receiver can read the message around
// it.
std::string PlainLine(std::string_view bytes, size_t longest = kLongestLine);

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_FAILURE_PLAIN_LINE_H_
