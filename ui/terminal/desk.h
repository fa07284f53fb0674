#ifndef MADOGUCHI_UI_TERMINAL_DESK_H_
#define MADOGUCHI_UI_TERMINAL_DESK_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "madoguchi/desk/v1/desk.pb.h"

namespace madoguchi::terminal {

// What one role sees now.
struct Sight {
  std::optional<desk::v1::View> view;  // the newest; older ones are dropped
  bool broken = false;                 // the connection is down; it is being made anew
  uint32_t connections = 0;            // how often it was made; a host that restarted forgot checks
  absl::Status lost;                   // not OK: it is down for good
};

// The desk as the loop needs it: what is to be seen, and replies. A bell, given elsewhere, rings
// when a Sight changed.
class Desk {
 public:
  virtual ~Desk() = default;
  virtual Sight Look(check::v1::Role role) = 0;
  // The check that was begun or replied to. Blocks for ten seconds at the most.
  virtual absl::StatusOr<std::string> Send(const desk::v1::Reply& reply) = 0;
};

}  // namespace madoguchi::terminal

#endif  // MADOGUCHI_UI_TERMINAL_DESK_H_
