#ifndef MADOGUCHI_READERS_BLUETOOTH_ACR1255_H_
#define MADOGUCHI_READERS_BLUETOOTH_ACR1255_H_

#include <deque>

#include "readers/bluetooth/acr_frame.h"
#include "readers/bluetooth/acr_session.h"
#include "readers/bluetooth/codec.h"

namespace madoguchi::bluetooth {

// ACS ACR1255U-J1, contactless. Begin authenticates, switches automatic polling on, without which
// the reader tells of no card, and asks the reader to stay awake; a reader that refuses the last is
// used all the same.
//
// Failures: READER_KEY_WRONG when the reader refuses our proof or cannot give its own,
// READER_ANSWER_INVALID for bytes that make no sense, CARD_GONE and CARD_UNPOWERED of commands.
class Acr1255 final : public Codec {
 public:
  Acr1255(Secret master_key, AcrSession::Random random)
      : session_(std::move(master_key), std::move(random)) {}

  void Begin() override;
  void PowerOn() override { Command(Asked::kPowerOn, AcrType::kPowerOn, {}); }
  void PowerOff() override { Command(Asked::kPowerOff, AcrType::kPowerOff, {}); }
  void AskSlot() override { Command(Asked::kSlot, AcrType::kAskSlot, {}); }
  void Transmit(std::span<const uint8_t> command) override {
    Command(Asked::kApdu, AcrType::kApdu, command);
  }
  void Receive(std::span<const uint8_t> piece) override;
  std::optional<Secret> TakeFrame() override;
  std::optional<Event> TakeEvent() override;

 private:
  enum class Stage { kNew, kChallenged, kProving, kPolling, kWaking, kReady, kBroken };
  enum class Asked { kNothing, kPowerOn, kPowerOff, kSlot, kApdu };

  void Command(Asked asked, AcrType type, std::span<const uint8_t> data, uint8_t parameter = 0);
  // A block, encrypted when there is a key.
  void Send(AcrType type, std::span<const uint8_t> data, uint8_t parameter = 0);
  void Hear(const AcrBlock& block);
  void HearEscape(const AcrBlock& block);
  void HearError(uint8_t parameter);
  void HearData(const AcrBlock& block);
  void HearSlot(uint8_t parameter);
  void BecomeReady();
  void Done(std::vector<uint8_t> bytes, Slot slot = Slot::kAbsent);
  void Fail(FailureCode code, const std::string& detail);
  void Break(FailureCode code, const std::string& detail);

  AcrSession session_;
  AcrFrameStream stream_;
  Stage stage_ = Stage::kNew;
  Asked asked_ = Asked::kNothing;
  std::vector<uint8_t> answer_;  // the parts of a chained one that came
  std::deque<Secret> frames_;
  std::deque<Event> events_;
};

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_ACR1255_H_
