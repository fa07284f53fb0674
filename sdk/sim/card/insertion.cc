#include "sdk/sim/card/insertion.h"

#include <utility>

#include "sdk/sim/card/vpcd.h"

namespace madoguchi::sim {
namespace {

constexpr uint32_t kGarbageSeed = 20161;
constexpr size_t kMostGarbage = 270;

}  // namespace

Insertion::Insertion(Card& card, Trace& trace, Bytes atr)
    : card_(card), trace_(trace), atr_(std::move(atr)), garbage_(kGarbageSeed) {}

void Insertion::Begin() {
  card_.Reset();
  apdus_ = 0;
  verifies_ = 0;
  garbage_.seed(kGarbageSeed);
  trace_.Event("insert");
}

void Insertion::End() {
  card_.Reset();
  trace_.Event("removed");
}

Insertion::Outcome Insertion::Message(std::span<const uint8_t> message) {
  if (message.empty()) return {};
  if (message.size() > 1) return Apdu(message);
  switch (VpcdControl{message[0]}) {
    case VpcdControl::kPowerOff:
      card_.Reset();
      trace_.Event("power-off");
      return {};
    case VpcdControl::kPowerOn:
      card_.Reset();
      trace_.Event("power-on");
      return {};
    case VpcdControl::kReset:
      card_.Reset();
      trace_.Event("reset");
      return {};
    case VpcdControl::kAtr:
      return {.answer = Answer{.bytes = atr_}};
  }
  return {};
}

Insertion::Outcome Insertion::Apdu(std::span<const uint8_t> apdu) {
  ++apdus_;
  ++apdus_total_;
  const bool has_data = apdu.size() > 5;
  if (has_data && apdu[1] == kVerify) {
    ++verifies_;
    ++verifies_total_;
  }
  trace_.Sent(apdu);
  if (faults_.pulled_before && apdus_ >= *faults_.pulled_before) return {.pulled = true};
  if (faults_.silent_from && apdus_ >= *faults_.silent_from) return {};
  Answer answer{.delay = faults_.slow};
  if (faults_.garbage_from && apdus_ >= *faults_.garbage_from) {
    answer.bytes = Garbage();
  } else {
    answer.bytes = card_.Transmit(apdu);
    if (apdu.size() > 1 && apdu[1] == kComputeDigitalSignature) {
      answer.delay += faults_.slow_signature;
    }
  }
  trace_.Answered(answer.bytes);
  return {.answer = std::move(answer)};
}

Bytes Insertion::Garbage() {
  Bytes bytes(1 + garbage_() % kMostGarbage);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(garbage_());
  return bytes;
}

}  // namespace madoguchi::sim
