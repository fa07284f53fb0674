#ifndef MADOGUCHI_SDK_SIM_CARD_SLOT_H_
#define MADOGUCHI_SDK_SIM_CARD_SLOT_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "sdk/sim/card/vpcd.h"

namespace madoguchi::sim {

// The reader's slot, seen from the card: one stream socket, TCP to the loopback or a Unix path.
// Being connected is being inserted. Nothing here blocks; a caller polls `fd`.
class Slot {
 public:
  // Exactly one of the two.
  static Slot OnPort(uint16_t port);
  static Slot OnPath(std::string path);

  Slot(Slot&& other) noexcept = delete;
  ~Slot();

  enum class Connection { kNone, kUnderway, kMade };

  // Begins or goes on. kNone where nobody listens; try again later.
  Connection Connect();
  // Closes: the card is taken away.
  void Close();

  int fd() const { return fd_; }
  Connection connection() const { return connection_; }

  // Reads what is there. False where the reader has closed.
  bool Receive();
  // Sends one message; false where the reader has closed.
  bool Send(std::span<const uint8_t> message);
  VpcdDecoder& decoder() { return decoder_; }

  // To be called before each poll: acknowledges at once. The kernel forgets this setting, and
  // vpcd's two sends a message would otherwise wait 40 ms for a delayed acknowledgement.
  void AcknowledgeAtOnce();

 private:
  Slot(uint16_t port, std::string path);

  const uint16_t port_;
  const std::string path_;
  int fd_ = -1;
  Connection connection_ = Connection::kNone;
  VpcdDecoder decoder_;
};

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_CARD_SLOT_H_
