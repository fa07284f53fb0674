#ifndef MADOGUCHI_SDK_CONFORMANCE_CARD_HAND_H_
#define MADOGUCHI_SDK_CONFORMANCE_CARD_HAND_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "sdk/conformance/program.h"

namespace madoguchi::conformance {

// What moves the card during an examination, in the place of a person's hand. UNIMPLEMENTED where
// it cannot do what is asked; any other error means that it failed.
class CardHand {
 public:
  virtual ~CardHand() = default;
  // Lays the card on the reader. Nothing happens when it lies there.
  virtual absl::Status Lay() = 0;
  // Takes it away, with whatever is under way.
  virtual absl::Status Take() = 0;
  // Switches the reader (or what it hangs on) off and on again; the card lies there afterwards.
  virtual absl::Status Restart() = 0;
  // Answers of the card take half a second, or no longer do. Whoever cannot is asked to pull in
  // good time all the same.
  virtual absl::Status Slow(bool slow) = 0;
  // Types four digits at the reader's own PIN pad and confirms them, or cancels there. The pad is
  // asking.
  virtual absl::Status Type() = 0;
  virtual absl::Status CancelTyping() = 0;
};

// The author's own hook: `program WORD`, where WORD is lay, take or restart, and type or cancel at
// a PIN pad. Status 0: done; 77: it cannot; any other, or more than 30 s: it failed. `scratch` is a
// folder for its output.
std::unique_ptr<CardHand> HandOfCommand(const std::string& program, const std::string& scratch);

// Our virtual card: `binary` is madoguchi-card, `place` the path of a socket of reader_virtual
// (FOLDER/reader-N.sock, with its pad at FOLDER/pad-N.sock) or the port of a vpcd, `folder` holds
// the card's files (made when it is not there), `scratch` its control socket and output.
std::unique_ptr<CardHand> HandOfSimulator(const std::string& binary, const std::string& place,
                                          const std::string& folder, const std::string& scratch);

}  // namespace madoguchi::conformance

#endif  // MADOGUCHI_SDK_CONFORMANCE_CARD_HAND_H_
