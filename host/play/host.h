#ifndef MADOGUCHI_HOST_PLAY_HOST_H_
#define MADOGUCHI_HOST_PLAY_HOST_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "host/play/script.pb.h"

namespace madoguchi::play {

// A host with the real desk and real counters, behind which there is nothing but stages. It starts
// no plugin and reads no configuration.
class PlayedHost {
 public:
  struct Options {
    double speed = 1;
    // Keys and devices. Empty: a folder of this run alone, removed at the end. One that a real host
    // uses, or anybody else, is refused: only an empty one is taken, or one of another play.
    std::string state_folder;
    std::string socket;   // empty: in the state folder
    std::string address;  // host:port of a door for screens elsewhere; empty: none
  };

  // `script` comes from ParseScript. The error says which folder or address stands in the way.
  static absl::StatusOr<std::unique_ptr<PlayedHost>> Start(const script::Script& script,
                                                           const Options& options);
  virtual ~PlayedHost() = default;

  virtual const std::string& socket() const = 0;
  virtual const std::string& address() const = 0;  // with the port that was taken

 protected:
  PlayedHost() = default;
};

}  // namespace madoguchi::play

#endif  // MADOGUCHI_HOST_PLAY_HOST_H_
