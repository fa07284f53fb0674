#include "sdk/sim/card/apdu.h"

namespace madoguchi::sim {
namespace {

size_t Short(uint8_t length) { return length == 0 ? 256 : length; }

size_t Extended(uint8_t high, uint8_t low) {
  const size_t length = size_t{high} << 8 | low;
  return length == 0 ? 65536 : length;
}

}  // namespace

std::optional<Command> ParseCommand(std::span<const uint8_t> apdu) {
  if (apdu.size() < 4) return std::nullopt;
  Command command{.cla = apdu[0], .ins = apdu[1], .p1 = apdu[2], .p2 = apdu[3]};
  const std::span<const uint8_t> body = apdu.subspan(4);
  if (body.empty()) return command;
  if (body.size() == 1) {
    command.le = Short(body[0]);
    return command;
  }
  if (body[0] != 0) {
    const size_t lc = body[0];
    if (body.size() < 1 + lc || body.size() > 2 + lc) return std::nullopt;
    command.data = body.subspan(1, lc);
    if (body.size() == 2 + lc) command.le = Short(body[1 + lc]);
    return command;
  }
  if (body.size() < 3) return std::nullopt;
  if (body.size() == 3) {
    command.le = Extended(body[1], body[2]);
    return command;
  }
  const size_t lc = size_t{body[1]} << 8 | body[2];
  if (lc == 0 || (body.size() != 3 + lc && body.size() != 5 + lc)) return std::nullopt;
  command.data = body.subspan(3, lc);
  if (body.size() == 5 + lc) command.le = Extended(body[3 + lc], body[4 + lc]);
  return command;
}

}  // namespace madoguchi::sim
