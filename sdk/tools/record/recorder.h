#ifndef MADOGUCHI_SDK_TOOLS_RECORD_RECORDER_H_
#define MADOGUCHI_SDK_TOOLS_RECORD_RECORDER_H_

#include <chrono>
#include <functional>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "sdk/secret/secret.h"
#include "sdk/tools/record/taken.h"

namespace madoguchi::record {

struct Request {
  std::string plugin_folder;                    // of a reader plugin, as it is built
  std::map<std::string, std::string> settings;  // over the manifest's defaults
  std::string reader;                           // its name; empty: the first on which a card comes
  // The patient's PIN; empty: a check without one. Wiped as soon as it is sent.
  Secret pin;
  // Says to whoever holds the card what to do now; called with no card needed yet.
  enum class Cue { kLayCard, kTakeCard };
  std::function<void(Cue)> cue;
  std::chrono::milliseconds patience{60000};  // for each of the two
};

// Runs the plugin and one check with it: a card is laid down, the commands of card_play.h, the card
// is taken away. A card that already lies there has to be taken away first. Not OK when the check
// did not come to its end; `taken` holds what happened until then, which may be what is wanted.
absl::Status Take(Request request, Taken* taken);

}  // namespace madoguchi::record

#endif  // MADOGUCHI_SDK_TOOLS_RECORD_RECORDER_H_
