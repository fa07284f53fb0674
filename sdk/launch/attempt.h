#ifndef MADOGUCHI_SDK_LAUNCH_ATTEMPT_H_
#define MADOGUCHI_SDK_LAUNCH_ATTEMPT_H_

#include <string>

#include "sdk/launch/jail/shown_places.h"
#include "sdk/launch/named_file.h"

namespace madoguchi {

// What is to be told of a plugin: a sentence in the past tense and without a subject.
struct Attempt {
  std::string deed;    // "tried to open "; empty: there is nothing to be told
  std::string object;  // what it named: "/etc/passwd"; may be empty
  std::string jail;    // ", which is outside of its jail"

  std::string Sentence() const { return deed + object + jail; }
};

// What is to be told of a plugin that named `file` in a call that seccomp lets through: nothing
// when the jail shows it, when this host has nothing at that path either (a search is no attempt),
// or when a library looks for it by itself (customary_files.h). Looks at the host's own files.
Attempt AttemptAt(const NamedFile& file, const ShownPlaces& shown);

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_LAUNCH_ATTEMPT_H_
