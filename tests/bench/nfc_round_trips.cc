#include <nfc/nfc.h>
#include <stdlib.h>

#include "sdk/conformance/card_hand.h"
#include "sdk/conformance/program.h"
#include "tests/bench/round_trips.h"

namespace madoguchi::bench {
namespace {

void TimeLibnfc(const std::string& device, int calls, RoundTrips* into) {
  nfc_context* context = nullptr;
  nfc_init(&context);
  nfc_device* const board = nfc_open(context, ("pn532_uart:" + device + ":115200").c_str());
  Must(board != nullptr && nfc_initiator_init(board) == 0, "nfc_open");
  const nfc_modulation type_b = {NMT_ISO14443B, NBR_106};
  nfc_target target;
  bool found = false;
  for (int i = 0; i < 100 && !found; ++i) {
    found = nfc_initiator_list_passive_targets(board, type_b, &target, 1) == 1;
  }
  Must(found, "nfc_initiator_list_passive_targets");
  into->Time(calls, [&](const Bytes& command) {
    uint8_t answer[264];
    Must(nfc_initiator_transceive_bytes(board, command.data(), command.size(), answer,
                                        sizeof(answer), 5000) >= 2,
         "nfc_initiator_transceive_bytes");
  });
  nfc_close(board);
  nfc_exit(context);
}

}  // namespace

void NfcRoundTrips(const Turns& turns, const std::string& folder, bool paced) {
  setenv("LIBNFC_AUTO_SCAN", "false", 1);
  const std::string device = folder + "/pn532";
  std::vector<std::string> words = {MADOGUCHI_BIN "/madoguchi-pn532", "--link", device, "--slot",
                                    folder + "/slot"};
  if (paced) words.insert(words.end(), {"--baud", "115200"});
  const auto board = Must(conformance::Program::Run(words, folder + "/board.log"));
  const auto hand = conformance::HandOfSimulator(MADOGUCHI_BIN "/madoguchi-card", folder + "/slot",
                                                 folder + "/card", folder);
  Must(hand->Lay());
  RoundTrips bare, plugged;
  for (int round = 0; round < turns.rounds; ++round) {
    TimeLibnfc(device, turns.calls, &bare);
    PluggedReader("reader_nfc", {{"devices", device}}, {"serial"}, folder)
        .Time("NFC " + device, turns.calls, &plugged);
  }
  Head(paced ? "PN532 at 115200 bits a second" : "PN532, a line that takes no time");
  Print("SELECT, libnfc", bare.select);
  Print("SELECT, reader_nfc", plugged.select);
  Print("READ BINARY of 256 bytes, libnfc", bare.read);
  Print("READ BINARY of 256 bytes, reader_nfc", plugged.read);
}

}  // namespace madoguchi::bench
