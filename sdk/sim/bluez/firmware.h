#ifndef MADOGUCHI_SDK_SIM_BLUEZ_FIRMWARE_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_FIRMWARE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <utility>

#include "sdk/sim/bluez/faults.h"
#include "sdk/sim/bluez/profile.h"
#include "sdk/sim/bluez/timers.h"
#include "sdk/sim/bluez/value.h"

namespace madoguchi::bluez {

// The card that lies at a reader, as its firmware knows it.
class Card {
 public:
  virtual ~Card() = default;
  virtual bool present() const = 0;
  // Its ATR, 2..33 bytes; nullopt when none lies there, or it says nothing.
  virtual std::optional<Bytes> PowerOn() = 0;
  virtual void PowerOff() = 0;
  // False when the card cannot take it. The answer comes to Firmware::CardAnswered.
  virtual bool Send(std::span<const uint8_t> apdu) = 0;
  // The answer that is under way is not wanted any more.
  virtual void Abandon() = 0;
};

// What a firmware has of a connection.
class Radio {
 public:
  virtual ~Radio() = default;
  virtual size_t mtu() const = 0;  // 23..517
  // A notification or indication of 1..mtu-3 bytes.
  virtual void Notify(Pipe pipe, const Bytes& piece) = 0;
  // Ends the connection. LinkDown comes before Drop returns.
  virtual void Drop() = 0;
};

// The program in an emulated reader: frames from the host in, in whatever pieces they came, frames
// out in pieces of at most mtu-3 bytes. It takes one frame after the other; those that come while
// it works wait. It knows nothing of D-Bus. For one thread; it never calls the radio after
// LinkDown.
class Firmware {
 public:
  // All outlive the firmware. The faults may change at any time. A card that has not answered
  // within `card_patience` counts as silent.
  Firmware(Card& card, Timers& timers, const Faults& faults,
           std::chrono::milliseconds card_patience)
      : card_(card), faults_(faults), card_patience_(card_patience), due_(timers) {}
  Firmware(const Firmware&) = delete;
  Firmware& operator=(const Firmware&) = delete;
  virtual ~Firmware() = default;

  // The reader's own services, after the common ones.
  virtual Profile profile() const = 0;
  // Bytes that a host reads from the status pipe.
  virtual Bytes Status() const { return {}; }

  void LinkUp(Radio& radio);
  // Everything that belongs to a connection is forgotten: half frames, keys, what is under way.
  void LinkDown();
  // The host wrote to the command pipe.
  void Take(std::span<const uint8_t> piece);

  void CardArrived();
  void CardLeft();
  void CardAnswered(Bytes response);

  // Since the link came up.
  uint32_t frames() const { return frames_; }
  uint32_t apdus() const { return apdus_; }
  virtual bool authenticated() const { return false; }

 protected:
  // Adds what came; what is whole is taken from NextFrame. What can be no frame is one too, for
  // Handle to refuse.
  virtual void Feed(std::span<const uint8_t> piece) = 0;
  virtual std::optional<Bytes> NextFrame() = 0;
  // Ends with one call of Answer, now or when the card has answered.
  virtual void Handle(const Bytes& frame) = 0;
  // A link comes up: forget.
  virtual void Forget() = 0;
  // The card answered what SendToCard sent, or (nullopt) went or stayed silent.
  virtual void Answered(std::optional<Bytes> response) = 0;
  virtual void CardChanged() = 0;

  // The one answer to the frame being handled.
  void Answer(Bytes frame);
  // A frame that answers nothing. Dropped without a link.
  void Tell(Pipe pipe, Bytes frame);
  // False: it did not take it, and no Answered comes.
  bool SendToCard(std::span<const uint8_t> apdu);

  Card& card_;
  const Faults& faults_;

 private:
  void Work();
  void CutAndNotify(Pipe pipe, const Bytes& frame);

  const std::chrono::milliseconds card_patience_;
  Radio* radio_ = nullptr;
  Timer due_;  // the slow answer, or the silent card
  std::deque<Bytes> waiting_;
  std::deque<std::pair<Pipe, Bytes>> told_;  // after the answer
  bool busy_ = false;
  bool with_card_ = false;
  uint32_t frames_ = 0, answers_ = 0, apdus_ = 0, apdus_of_card_ = 0;
};

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_FIRMWARE_H_
