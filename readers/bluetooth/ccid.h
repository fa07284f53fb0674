#ifndef MADOGUCHI_READERS_BLUETOOTH_CCID_H_
#define MADOGUCHI_READERS_BLUETOOTH_CCID_H_

#include <deque>

#include "readers/bluetooth/codec.h"

namespace madoguchi::bluetooth {

// CCID (USB Device Class Smart Card, revision 1.1) carried over GATT, as Feitian's bR301 and bR500
// and SpringCard's SpringCore readers have it: messages of
//
//   type | dwLength (4, little endian) | slot 00 | sequence | 3 bytes of the type's own | data
//
// PC_to_RDR 62, 63, 65, 6F; RDR_to_PC 80, 81. A change of the slot is 50 and one byte, with no
// header: between messages (Feitian) or on a characteristic of its own (SpringCard). There is no
// authentication, and nothing is encrypted but by the link itself. An answer to another sequence
// than the last command's is late and dropped.
class Ccid final : public Codec {
 public:
  void Begin() override;
  void PowerOn() override;
  void PowerOff() override;
  void AskSlot() override;
  void Transmit(std::span<const uint8_t> command) override;
  void Receive(std::span<const uint8_t> piece) override;
  void ReceiveStatus(std::span<const uint8_t> message) override;
  std::optional<Secret> TakeFrame() override;
  std::optional<Event> TakeEvent() override;

 private:
  void Send(uint8_t type, std::span<const uint8_t> data, uint8_t level = 0);
  void Hear(std::span<const uint8_t> message);
  void HearChange(uint8_t state);
  void HearFailure(uint8_t slot_state, uint8_t error);
  void HearData(std::span<const uint8_t> data, uint8_t chain);
  void Done(std::vector<uint8_t> bytes, Slot slot = Slot::kAbsent);
  void Fail(FailureCode code, const std::string& detail);
  void Break(const std::string& detail);

  bool ready_ = false;
  bool broken_ = false;
  uint8_t asked_ = 0;  // the type of the command under way
  uint8_t sequence_ = 0;
  std::vector<uint8_t> stream_;
  std::vector<uint8_t> answer_;
  std::deque<Secret> frames_;
  std::deque<Event> events_;
};

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_CCID_H_
