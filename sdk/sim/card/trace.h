#ifndef MADOGUCHI_SDK_SIM_CARD_TRACE_H_
#define MADOGUCHI_SDK_SIM_CARD_TRACE_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace madoguchi::sim {

// A log of what a card hears and says, one line a fact, each written at once so that a test can
// read it while the card lives:
//
//   # insert | power-on | power-off | reset | removed
//   > 00200080 04 ********      a command; the data of VERIFY and CHANGE are masked
//   < 9000                      its answer, none where the card stayed silent
//
// without the spaces inside the line. The file is appended to.
class Trace {
 public:
  // Writes nothing.
  Trace() = default;
  static absl::StatusOr<Trace> To(const std::string& path, bool with_pins);

  Trace(Trace&& other) noexcept;
  Trace& operator=(Trace&& other) noexcept;
  ~Trace();

  void Event(std::string_view name);
  void Sent(std::span<const uint8_t> apdu);
  void Answered(std::span<const uint8_t> response);

 private:
  void Line(std::string_view line);

  int fd_ = -1;
  bool with_pins_ = false;
};

// The line of a command without its mark: hexadecimal digits, `**` for each byte after the fifth
// of an instruction that carries a secret (20, 24, 32) unless with_pins.
std::string TraceLine(std::span<const uint8_t> apdu, bool with_pins);

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_TRACE_H_
