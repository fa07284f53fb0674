#include <winscard.h>

#include <cstdlib>
#include <sstream>

#include "sdk/conformance/card_hand.h"
#include "tests/bench/round_trips.h"

namespace madoguchi::bench {
namespace {

void TimePcsclite(const std::string& reader, int calls, RoundTrips* into) {
  SCARDCONTEXT context = 0;
  SCARDHANDLE card = 0;
  DWORD protocol = 0;
  Must(SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context) == SCARD_S_SUCCESS,
       "SCardEstablishContext");
  Must(SCardConnect(context, reader.c_str(), SCARD_SHARE_SHARED,
                    SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card, &protocol) == SCARD_S_SUCCESS,
       "SCardConnect");
  SCardBeginTransaction(card);
  into->Time(calls, [&](const Bytes& command) {
    uint8_t answer[300];
    DWORD size = sizeof(answer);
    const auto* const pci = protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;
    Must(SCardTransmit(card, pci, command.data(), command.size(), nullptr, answer, &size) ==
                 SCARD_S_SUCCESS &&
             size >= 2,
         "SCardTransmit");
  });
  SCardEndTransaction(card, SCARD_LEAVE_CARD);
  SCardDisconnect(card, SCARD_RESET_CARD);
  SCardReleaseContext(context);
}

// The first of those that private-pcscd names.
std::string FirstOf(const char* variable) {
  std::istringstream lines(std::getenv(variable));
  std::string line;
  std::getline(lines, line);
  return line;
}

}  // namespace

void PcscRoundTrips(const Turns& turns, const std::string& folder) {
  const std::string reader = FirstOf("MADOGUCHI_PCSCD_READERS");
  std::string port = FirstOf("MADOGUCHI_PCSCD_PORTS");
  port = port.substr(0, port.find(' '));
  const auto hand =
      conformance::HandOfSimulator(MADOGUCHI_BIN "/madoguchi-card", port, folder + "/card", folder);
  Must(hand->Lay());
  RoundTrips bare, plugged;
  for (int round = 0; round < turns.rounds; ++round) {
    // First, as it waits for the card.
    PluggedReader("reader_pcsc", {{"pcscd_socket", std::getenv("PCSCLITE_CSOCK_NAME")}}, {"pcscd"},
                  folder)
        .Time(reader, turns.calls, &plugged);
    TimePcsclite(reader, turns.calls, &bare);
  }
  Must(hand->Take());
  Head("pcscd with vpcd");
  Print("SELECT, libpcsclite", bare.select);
  Print("SELECT, reader_pcsc", plugged.select);
  Print("READ BINARY of 256 bytes, libpcsclite", bare.read);
  Print("READ BINARY of 256 bytes, reader_pcsc", plugged.read);
}

}  // namespace madoguchi::bench
