#ifndef DEVICE_H_
#define DEVICE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

// The hardware, as little of it as the reader needs. Used by one thread at a time.
//
// TODO: the three functions in device.cc. What stands there is a card in memory that lies on the
// reader for ever and answers every command with 6D00 (instruction not supported).
class Device {
 public:
  using Bytes = std::vector<uint8_t>;

  // The ATR of the card that lies there now (2 to 33 bytes; ISO 7816-3, for contactless cards as
  // PC/SC part 3 makes it), nothing without a card. Nothing once, too, when a card was taken away
  // since the call before, even if another lies there by now. Asked five times a second: must be
  // quick, and must not disturb a card that a session talks to.
  std::optional<std::string> Look();

  // The card's answer to one command, 2 bytes at least; nothing when the card is gone. Ends by
  // itself, after some seconds, when the device is stuck. Sends the command once.
  std::optional<Bytes> Send(std::span<const uint8_t> command);

  // Takes the power from the card, or does what makes it forget a verified PIN.
  void Reset();
};

#endif  // DEVICE_H_
