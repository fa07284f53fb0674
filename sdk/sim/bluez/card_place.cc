#include "sdk/sim/bluez/card_place.h"

#include <poll.h>

#include <utility>

namespace madoguchi::bluez {

void CardPlace::Serve(Firmware& firmware) {
  loop_.Watch(slot_.fd(), POLLIN, [this, &firmware] { Take(firmware); });
}

std::optional<Bytes> CardPlace::PowerOn() {
  if (!slot_.powered()) return std::nullopt;
  slot_.PowerOn();
  return slot_.atr();
}

void CardPlace::Take(Firmware& firmware) {
  while (std::optional<sim::CardSlot::Event> event = slot_.Next()) {
    switch (event->kind) {
      case sim::CardSlot::Event::Kind::kArrived:
        present_ = true;
        firmware.CardArrived();
        break;
      case sim::CardSlot::Event::Kind::kLeft:
        present_ = false;
        firmware.CardLeft();
        break;
      case sim::CardSlot::Event::Kind::kAnswer:
        firmware.CardAnswered(std::move(event->bytes));
        break;
    }
  }
}

}  // namespace madoguchi::bluez
