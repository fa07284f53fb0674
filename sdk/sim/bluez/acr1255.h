#ifndef MADOGUCHI_SDK_SIM_BLUEZ_ACR1255_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_ACR1255_H_

#include <string>

#include "sdk/sim/bluez/acr1255_cipher.h"
#include "sdk/sim/bluez/acr1255_frame.h"
#include "sdk/sim/bluez/chain.h"
#include "sdk/sim/bluez/firmware.h"

namespace madoguchi::bluez {

// The firmware of an ACR1255U-J1: contactless, and silent to whoever does not know its master key.
// Where its manual says nothing, README.md tells what was chosen.
class Acr1255 : public Firmware {
 public:
  Acr1255(Card& card, Timers& timers, const Faults& faults, std::chrono::milliseconds card_patience,
          Bytes master_key = acr1255::DefaultMasterKey())
      : Firmware(card, timers, faults, card_patience), master_key_(std::move(master_key)) {}

  Profile profile() const override;
  bool authenticated() const override { return !session_key_.empty(); }

 private:
  void Feed(std::span<const uint8_t> piece) override { cutter_.Feed(piece); }
  std::optional<Bytes> NextFrame() override { return cutter_.Next(); }
  void Handle(const Bytes& frame) override;
  void Forget() override;
  void Answered(std::optional<Bytes> response) override;
  void CardChanged() override;

  void HandleBlock(const acr1255::Block& block);
  void HandleEscape(const acr1255::Block& block);
  void HandleApdu(const acr1255::Block& block);
  void BeginAuthentication();
  void EndAuthentication(std::span<const uint8_t> proof);
  const Bytes& key() const { return faults_.other_key ? *faults_.other_key : master_key_; }

  Bytes Enframed(const acr1255::Block& block) const;
  void AnswerBlock(uint8_t type, uint8_t param, Bytes data = {});
  void AnswerError(acr1255::Error error);
  void AnswerSlotStatus();
  void AnswerPart(const Chain::Part& part);
  void TellEvent();

  const Bytes master_key_;
  acr1255::FrameCutter cutter_;
  uint8_t seq_ = 0;  // of the request being handled
  Bytes challenge_;  // A, from step 1 to step 2
  Bytes session_key_;
  int wrong_proofs_ = 0;
  bool polling_ = false;
  bool powered_ = false;
  Chain chain_;
};

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_ACR1255_H_
