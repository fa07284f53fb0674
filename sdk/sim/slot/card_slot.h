#ifndef MADOGUCHI_SDK_SIM_SLOT_CARD_SLOT_H_
#define MADOGUCHI_SDK_SIM_SLOT_CARD_SLOT_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sdk/sim/slot/vpcd_link.h"

namespace madoguchi::sim {

// The place of an emulated reader where a virtual card is laid: the reader's end of vpcd's protocol
// (vpcd_link.h). A card connects, which is its arrival, and closes, which is its removal; when a
// second one connects the first is gone, for the newest card wins. Whoever may open the sockets may
// be a card, and its bytes may be anything.
//
// For one thread, and nothing here waits: the owner polls fd() beside its own descriptors and takes
// what happened from Next() until there is no more.
class CardSlot {
 public:
  using Bytes = std::vector<uint8_t>;

  // An APDU has 2 to 65535 bytes: a message of one byte is a control.
  static constexpr size_t kShortestApdu = 2;
  static constexpr size_t kLongestApdu = vpcd::kLongestMessage;

  struct Event {
    enum class Kind {
      // A card came and has said its ATR: `bytes`, 2..33 of them. Empty when within 2 s it said
      // none, or something else: such a card lies there and exchanges nothing.
      kArrived,
      kLeft,    // An APDU that was under way gets no answer any more.
      kAnswer,  // `bytes`: what the card answered the last Send, 0..65535 bytes, as it came.
    };
    Kind kind;
    Bytes bytes = {};
  };

  // Without a door nobody comes in.
  CardSlot();
  CardSlot(const CardSlot&) = delete;
  CardSlot& operator=(const CardSlot&) = delete;
  // Closes all connections and takes away the paths.
  ~CardSlot();

  // Opens a door at `path` (1..107 bytes), for this user alone (mode 0600). Replaces a socket that
  // is there, and nothing else.
  absl::Status Listen(const std::string& path);
  // Opens a door on 127.0.0.1; with 0 on a port that is free. Returns the port.
  absl::StatusOr<uint16_t> ListenOnPort(uint16_t port);
  // Takes the card at the other end of `fd`, a connected stream socket, and closes it at the end.
  void Take(int fd);

  // Readable when Next() has something to do. Stays the same, and is this object's.
  int fd() const { return epoll_; }
  // What happened next; nullopt when nothing did. Also lets time-outs pass.
  std::optional<Event> Next();

  // A card lies there and its ATR is known; from kArrived to kLeft.
  bool powered() const { return phase_ == Phase::kReady || phase_ == Phase::kSettling; }
  const Bytes& atr() const { return atr_; }

  // All are without effect when no card is powered. Each makes the card forget selection and
  // verified PINs, and what is under way: no answer comes to it any more.
  void PowerOn() { Tell(vpcd::Control::kOn); }
  void PowerOff() { Tell(vpcd::Control::kOff); }
  void Reset() { Tell(vpcd::Control::kReset); }

  // Sends a command, in one piece. False, with nothing sent, when no card is powered, another
  // command is under way, or the length is none of an APDU.
  bool Send(std::span<const uint8_t> apdu);
  // A command was sent, and neither kAnswer nor kLeft has come.
  bool under_way() const { return wanted_; }
  // Nobody waits for the answer any more: it is dropped when it comes, and another command may be
  // sent meanwhile.
  void Abandon();

 private:
  enum class Phase {
    kNone,
    kGreeting,  // asked for its ATR
    kReady,
    // Was told a control while it owed answers: all that comes before its ATR is late, and dropped.
    kSettling,
    kMute,  // has no ATR; what it says is thrown away
  };

  absl::Status Watch(int fd, const std::string& name);
  void Tell(vpcd::Control control);
  void Put(std::span<const uint8_t> message);
  void Hear();
  void Heed(Bytes message);
  void Arrive(Phase phase, Bytes atr);
  void Leave();

  const int epoll_;
  const int timer_;  // until the ATR is due
  std::vector<int> doors_;
  std::vector<std::string> paths_;

  int card_ = -1;
  Phase phase_ = Phase::kNone;
  Bytes atr_;
  vpcd::MessageDecoder decoder_;
  bool wanted_ = false;
  size_t owed_ = 0;  // answers that the card owes, the wanted one included
  size_t late_ = 0;  // messages dropped while settling
  Bytes held_;       // a command that is sent when the card has settled
  std::deque<Event> events_;
};

}  // namespace madoguchi::sim

#endif  // MADOGUCHI_SDK_SIM_SLOT_CARD_SLOT_H_
