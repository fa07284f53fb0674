#include <poll.h>

#include <filesystem>

#include "sdk/conformance/card_hand.h"
#include "sdk/sim/slot/card_slot.h"
#include "tests/bench/round_trips.h"

namespace madoguchi::bench {
namespace {

using sim::CardSlot;

// Waits for what happens next.
CardSlot::Event Next(CardSlot& slot) {
  while (true) {
    if (auto event = slot.Next()) return *std::move(event);
    pollfd watched{slot.fd(), POLLIN, 0};
    Must(poll(&watched, 1, 15000) == 1, "the card's answer");
  }
}

}  // namespace

void VirtualRoundTrips(const Turns& turns, const std::string& folder) {
  const std::string sockets = folder + "/sockets", bare_socket = folder + "/slot";
  std::filesystem::create_directory(sockets);
  const auto card_at = [&](const std::string& place, const std::string& name) {
    std::filesystem::create_directory(folder + "/" + name);
    return conformance::HandOfSimulator(MADOGUCHI_BIN "/madoguchi-card", place, folder + "/card",
                                        folder + "/" + name);
  };
  CardSlot slot;
  Must(slot.Listen(bare_socket));
  const auto bare_hand = card_at(bare_socket, "bare"),
             hand = card_at(sockets + "/reader-0.sock", "plugged");
  Must(bare_hand->Lay());
  Must(Next(slot).kind == CardSlot::Event::Kind::kArrived, "the card's arrival");
  RoundTrips bare, plugged;
  for (int round = 0; round < turns.rounds; ++round) {
    bare.Time(turns.calls, [&](const Bytes& command) {
      Must(slot.Send(command) && Next(slot).kind == CardSlot::Event::Kind::kAnswer, "an answer");
    });
    PluggedReader reader("reader_virtual", {{"directory", sockets}}, {"sockets"}, folder);
    if (round == 0) Must(hand->Lay());
    reader.Time("Virtual Reader 0", turns.calls, &plugged);
  }
  Head("A card that is a process");
  Print("SELECT, its socket", bare.select);
  Print("SELECT, reader_virtual", plugged.select);
  Print("READ BINARY of 256 bytes, its socket", bare.read);
  Print("READ BINARY of 256 bytes, reader_virtual", plugged.read);
}

}  // namespace madoguchi::bench
