#ifndef MADOGUCHI_READERS_VIRTUAL_PAD_H_
#define MADOGUCHI_READERS_VIRTUAL_PAD_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "madoguchi/reader/v1/reader.pb.h"
#include "sdk/secret/secret.h"

namespace madoguchi::vpcd {

// A listening Unix socket at `path` (mode 0600), non-blocking; one of an earlier run is replaced.
// An error says why there is none.
absl::StatusOr<int> ListenAt(const std::string& path);

// The PIN pad of a virtual reader: a socket to which the keys come, from whoever plays the person.
// One connection is one turn at the pad, a line of at most 16 bytes: the digits, or "cancel"; the
// pad answers "ok" when it took it. Keys that are pressed while the pad does not ask are lost.
class Pad {
 public:
  static absl::StatusOr<std::unique_ptr<Pad>> Listen(const std::string& path);
  ~Pad();
  Pad(const Pad&) = delete;
  Pad& operator=(const Pad&) = delete;

  // Asks now, and waits until keys come, the form's time is over (PIN_NOT_TYPED), `cancelled` can
  // be read (CANCELLED) or `card` hangs up (CARD_GONE). PIN_PAD_CANCELLED; PIN_FORM for keys that
  // are not of the form. One thread at a time.
  absl::StatusOr<Secret> Ask(const reader::v1::PadForm& form, int cancelled, int card);

 private:
  explicit Pad(int listener) : listener_(listener) {}
  const int listener_;
};

}  // namespace madoguchi::vpcd

#endif  // MADOGUCHI_READERS_VIRTUAL_PAD_H_
