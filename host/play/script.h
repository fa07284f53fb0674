#ifndef MADOGUCHI_HOST_PLAY_SCRIPT_H_
#define MADOGUCHI_HOST_PLAY_SCRIPT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/play/script.pb.h"
#include "sdk/sim/card/faults.h"

namespace madoguchi::play {

// `text` as a script, called `name` in errors: INVALID_ARGUMENT with FILE:LINE:COL and what was
// expected. What it leaves out has its default afterwards: the cues, the methods that acts name.
absl::StatusOr<script::Script> ParseScript(const std::string& text, const std::string& name);

// The scripts that lie in sdk/play, by the names of their files without the ending, in order.
struct ReadyScript {
  std::string name;
  std::string text;
};
const std::vector<ReadyScript>& ReadyScripts();

// The script at the path `name`, or, where there is no such file, the ready one of that name.
// "all" is all the ready ones in turn. NOT_FOUND names both places.
absl::StatusOr<script::Script> ReadScript(const std::string& name);

// `more` after `script`: its acts, and the methods that are new. INVALID_ARGUMENT when both have a
// method of the same id that is not the same.
absl::Status Append(const script::Script& more, script::Script* script);

// The faults that `card` names.
absl::StatusOr<sim::Faults> FaultsOf(const script::Card& card);

}  // namespace madoguchi::play

#endif  // MADOGUCHI_HOST_PLAY_SCRIPT_H_
