#ifndef MADOGUCHI_SDK_SIM_BLUEZ_SIM_HOST_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_SIM_HOST_H_

#include <algorithm>
#include <utility>
#include <vector>

#include "sdk/sim/bluez/firmware.h"

// What the tests of firmware have instead of a radio and a card.
namespace madoguchi::bluez {

class SimRadio : public Radio {
 public:
  size_t mtu() const override { return mtu_; }
  void Notify(Pipe pipe, const Bytes& piece) override { pieces.emplace_back(pipe, piece); }
  void Drop() override {
    dropped = true;
    if (firmware != nullptr) firmware->LinkDown();
  }
  // All pieces of a pipe since the last call, put together.
  Bytes Heard(Pipe pipe = Pipe::kAnswer) {
    Bytes all;
    std::erase_if(pieces, [&](const auto& one) {
      if (one.first != pipe) return false;
      all.insert(all.end(), one.second.begin(), one.second.end());
      return true;
    });
    return all;
  }

  size_t mtu_ = 23;
  bool dropped = false;
  Firmware* firmware = nullptr;
  std::vector<std::pair<Pipe, Bytes>> pieces;
};

// Answers `response` when it is asked to, and notes what it was sent.
class SimCard : public Card {
 public:
  bool present() const override { return lies; }
  std::optional<Bytes> PowerOn() override {
    ++power_ons;
    if (!lies || atr.empty()) return std::nullopt;
    return atr;
  }
  void PowerOff() override { ++power_offs; }
  bool Send(std::span<const uint8_t> apdu) override {
    if (!lies || apdu.size() < 2) return false;
    sent.emplace_back(apdu.begin(), apdu.end());
    return true;
  }
  void Abandon() override { ++abandoned; }

  bool lies = true;
  Bytes atr = {0x3B, 0x80, 0x80, 0x01, 0x01};
  std::vector<Bytes> sent;
  int power_ons = 0, power_offs = 0, abandoned = 0;
};

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_SIM_HOST_H_
