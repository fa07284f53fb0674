#ifndef MADOGUCHI_SDK_LAUNCH_JAIL_SHOWN_PLACES_H_
#define MADOGUCHI_SDK_LAUNCH_JAIL_SHOWN_PLACES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "sdk/launch/jail/jail.h"
#include "sdk/launch/jail/naming_calls.h"

namespace madoguchi {

// The files and folders that a plugin's jail shows to it (places.h), for whoever tells of attempts
// at others. It denies nothing: that is the room's, Landlock's and seccomp's, whether or not
// somebody tells. Immutable; any thread.
class ShownPlaces {
 public:
  // As they are now.
  explicit ShownPlaces(Jail jail);
  ShownPlaces(const ShownPlaces&) = delete;
  ShownPlaces& operator=(const ShownPlaces&) = delete;

  // Whether the jail lets the plugin have this of the file. `path` is absolute and lexically
  // normal; links in it are not followed.
  bool Grant(const std::string& path, jail::Wish wish) const;
  // Whether exactly this path was granted, wherever its links lead by now.
  bool IsPlace(const std::string& path) const;
  // Whether seccomp lets the call through in this jail.
  bool LetThrough(jail::LetThrough let, uint64_t flags) const;

 private:
  struct Place {
    std::string path;
    uint64_t rights;
  };

  std::vector<Place> places_;
  const Jail jail_;  // what cell_ points into
  const jail::Cell cell_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_LAUNCH_JAIL_SHOWN_PLACES_H_
