#ifndef MADOGUCHI_SDK_SIM_BLUEZ_CHAIN_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_CHAIN_H_

#include <cstdint>
#include <optional>
#include <span>

#include "sdk/sim/bluez/value.h"

namespace madoguchi::bluez {

// APDUs in parts, as CCID rev 1.1 has them in wLevelParameter and bChainParameter (6.1.4, 6.2.1),
// and ACS's Bluetooth readers in their parameter.
class Chain {
 public:
  enum Level : uint8_t { kWhole = 0, kBegins = 1, kEnds = 2, kMiddle = 3, kMore = 0x10 };
  static constexpr size_t kLongestCommand = 4096;

  struct Part {
    uint8_t level = kWhole;
    Bytes data = {};
  };

  // What is to be done with a part of a command.
  struct Taken {
    enum class Kind {
      kCommand,   // `data` is a whole command
      kMore,      // ask for more of it: answer an empty part with kMore
      kResponse,  // the host asked for the next part of the response
      kWrong,     // out of order, or too long
    };
    Kind kind;
    Bytes data = {};
  };
  Taken Take(uint8_t level, std::span<const uint8_t> data);

  // Keeps a response, to be given in parts of at most `size` bytes (0: whole), the first at once.
  Part Respond(Bytes response, size_t size);
  // The next part; nullopt when there is none.
  std::optional<Part> Next();
  void Clear();

 private:
  Bytes command_, response_;
  bool commanding_ = false;
  bool responding_ = false;
  size_t size_ = 0;
};

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_CHAIN_H_
