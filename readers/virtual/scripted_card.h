#ifndef MADOGUCHI_READERS_VIRTUAL_SCRIPTED_CARD_H_
#define MADOGUCHI_READERS_VIRTUAL_SCRIPTED_CARD_H_

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "sdk/sim/slot/vpcd_link.h"

namespace madoguchi::vpcd {

// A card for tests, played by the test's own thread: what comes is looked at, what is answered is
// said. Not thread-safe.
class ScriptedCard {
 public:
  using Bytes = std::vector<uint8_t>;

  static const Bytes& Atr();

  // Connects to the Unix socket at `path`; connected() says whether it worked.
  explicit ScriptedCard(const std::string& path);
  ~ScriptedCard() { Pull(); }
  ScriptedCard(const ScriptedCard&) = delete;
  ScriptedCard& operator=(const ScriptedCard&) = delete;

  bool connected() const { return fd_ >= 0; }
  // The next message; nullopt when the reader closed, or after 5 s.
  std::optional<Bytes> Hear();
  // Sends `message` with its length before it.
  void Say(const Bytes& message);
  // Sends bytes without a frame.
  void SayRaw(const Bytes& bytes);
  // Hears "on" and "ATR" and answers the ATR. False when something else came.
  bool Greet(const Bytes& atr = Atr());
  // Whether the reader closes the connection within 5 s, whatever it says before.
  bool IsRefused();
  void Pull();

 private:
  int fd_ = -1;
  MessageDecoder decoder_;
};

}  // namespace madoguchi::vpcd

#endif  // MADOGUCHI_READERS_VIRTUAL_SCRIPTED_CARD_H_
