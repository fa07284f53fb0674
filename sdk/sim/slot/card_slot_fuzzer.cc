// What a card sends between the reader's own actions: a byte says which, the rest of its line is
// what the card sends then.
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "sdk/sim/slot/card_slot.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using madoguchi::sim::CardSlot;
  CardSlot slot;
  int card = -1;
  bool there = false, asked = false;
  for (size_t at = 0; at + 1 < size;) {
    const uint8_t action = data[at];
    const size_t length = std::min<size_t>(data[at + 1], size - at - 2);
    const uint8_t* bytes = data + at + 2;
    at += 2 + length;
    int pair[2];
    if (card < 0 || action % 8 == 0) {
      if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) return 0;
      if (card >= 0) close(card);
      slot.Take(pair[0]);
      card = pair[1];
      asked = false;
    }
    if (action % 8 == 1) slot.PowerOn();
    if (action % 8 == 2) slot.Reset();
    if (action % 8 == 3) slot.Abandon();
    if (action % 8 <= 3) asked = false;
    if (action % 8 >= 5) asked = slot.Send(std::vector<uint8_t>(5, 0)) || asked;
    if (length > 0 && send(card, bytes, length, MSG_NOSIGNAL) < 0) {
      close(card);
      card = -1;
    }
    for (int turn = 0; turn < 4; ++turn) {
      while (const auto event = slot.Next()) {
        switch (event->kind) {
          case CardSlot::Event::Kind::kArrived:
            if (there) __builtin_trap();
            there = true;
            if (!event->bytes.empty() && !madoguchi::vpcd::IsAtr(event->bytes)) __builtin_trap();
            break;
          case CardSlot::Event::Kind::kLeft:
            if (!there) __builtin_trap();
            there = false;
            break;
          case CardSlot::Event::Kind::kAnswer:
            if (!there || !asked) __builtin_trap();
            asked = false;
        }
      }
    }
  }
  if (card >= 0) close(card);
  return 0;
}
