#ifndef MADOGUCHI_READERS_VIRTUAL_CARD_LINK_H_
#define MADOGUCHI_READERS_VIRTUAL_CARD_LINK_H_

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "sdk/sim/slot/vpcd_link.h"

namespace madoguchi::vpcd {

// One connection to one card process. One thread at a time may call it.
class CardLink {
 public:
  // Takes `fd`, a connected stream socket that does not block, and closes it at the end.
  explicit CardLink(int fd) : fd_(fd) {}
  ~CardLink();
  CardLink(const CardLink&) = delete;
  CardLink& operator=(const CardLink&) = delete;

  int fd() const { return fd_; }

  // Sends the controls in one piece. False when the card is gone or does not take them: it reads
  // nothing any more, and the connection is of no use.
  bool Send(std::initializer_list<Control> controls);

  // One look at the socket, without waiting.
  enum class Look { kNothing, kSome, kGone };
  // Takes what lies in the socket, at most 4096 bytes, for Next.
  Look Receive();
  std::optional<std::vector<uint8_t>> Next() { return decoder_.Next(); }
  bool HungUp() const;

  // How an exchange ended beside its answer.
  enum class End {
    kAnswered,   // the connection is in step
    kAbandoned,  // the command is out, its answer is still owed
    kBroken,     // out of step for good: the connection must be dropped
  };
  // Sends `command` (4..65535 bytes) straight from where it lies, with no copy in this process, and
  // waits for the answer, or until `cancelled` (an eventfd) can be read. CARD_GONE when the card
  // closes, CARD_ANSWER_INVALID when it spoke before it was asked or answers under two bytes,
  // CANCELLED.
  absl::StatusOr<std::vector<uint8_t>> Exchange(std::span<const uint8_t> command, int cancelled,
                                                End* end);

 private:
  bool Await(short events, int cancelled);

  const int fd_;
  MessageDecoder decoder_;
};

}  // namespace madoguchi::vpcd

#endif  // MADOGUCHI_READERS_VIRTUAL_CARD_LINK_H_
