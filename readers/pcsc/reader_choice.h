#ifndef MADOGUCHI_READERS_PCSC_READER_CHOICE_H_
#define MADOGUCHI_READERS_PCSC_READER_CHOICE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace madoguchi::pcsc {

// Whether the whole of `name` is what `pattern` says: `*` stands for any bytes, also none, `?` for
// one; letters of ASCII are the same in both cases. Square brackets are themselves, as readers'
// names have them ("ACS ACR83U [CCID] 00 00").
bool MatchesPattern(const std::string& pattern, const std::string& name);

// The patterns of a setting, separated by semicolons; spaces around them don't count, and none at
// all is an empty list. INVALID_ARGUMENT names the setting, the pattern and what to do.
absl::StatusOr<std::vector<std::string>> ParsePatterns(const std::string& setting,
                                                       const std::string& text);

// Which of pcscd's readers are the clinic's. Immutable.
class ReaderChoice {
 public:
  // Takes every reader.
  ReaderChoice() = default;
  // `allowed` and `ignored` are the settings `readers` and `ignore_readers`.
  static absl::StatusOr<ReaderChoice> Parse(const std::string& allowed, const std::string& ignored);

  // A reader is taken when its name fits a pattern of the allowed ones, or there are none of them,
  // and fits no pattern of the ignored ones: to ignore goes before to allow.
  bool Takes(const std::string& name) const;

 private:
  std::vector<std::string> allowed_;
  std::vector<std::string> ignored_;
};

}  // namespace madoguchi::pcsc

#endif  // MADOGUCHI_READERS_PCSC_READER_CHOICE_H_
