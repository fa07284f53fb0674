#include "tests/bench/plain_card.h"

#include <winscard.h>

#include "tests/bench/measures.h"

namespace madoguchi::bench {
namespace {

Bytes Send(SCARDHANDLE card, DWORD protocol, const Bytes& command) {
  Bytes answer(300);
  DWORD size = answer.size();
  const auto* const pci = protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;
  if (SCardTransmit(card, pci, command.data(), command.size(), nullptr, answer.data(), &size) !=
      SCARD_S_SUCCESS) {
    size = 0;
  }
  answer.resize(size);
  return answer;
}

bool Good(const Bytes& answer) {
  return answer.size() >= 2 && answer[answer.size() - 2] == 0x90 && answer.back() == 0x00;
}

}  // namespace

PlainCard::PlainCard() {
  SCARDCONTEXT context = 0;
  SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context);
  context_ = context;
}

PlainCard::~PlainCard() { SCardReleaseContext(context_); }

double PlainCard::CheckByPin(const std::string& reader, const std::string& pin) {
  const auto start = Clock::now();
  SCARDHANDLE card = 0;
  DWORD protocol = 0;
  if (SCardConnect(context_, reader.c_str(), SCARD_SHARE_SHARED,
                   SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card, &protocol) != SCARD_S_SUCCESS) {
    return -1;
  }
  SCardBeginTransaction(card);
  bool good = Good(Send(card, protocol, kSelect));
  const Bytes head = Send(card, protocol, {0x00, 0xB0, 0x8A, 0x00, 0x00});
  good = good && Good(head) && head.size() == 258;
  const size_t size = good ? 4 + (head[2] << 8 | head[3]) : 0;
  for (size_t at = 256; at < size; at += 256) {
    const size_t part = std::min<size_t>(256, size - at);
    good = good && Good(Send(card, protocol,
                             {0x00, 0xB0, static_cast<unsigned char>(at >> 8), 0x00,
                              static_cast<unsigned char>(part)}));
  }
  Send(card, protocol, {0x00, 0x20, 0x00, 0x98});
  Bytes verify = {0x00, 0x20, 0x00, 0x98, static_cast<unsigned char>(pin.size())};
  verify.insert(verify.end(), pin.begin(), pin.end());
  good = good && Good(Send(card, protocol, verify));
  Bytes sign = {0x80, 0x2A, 0x00, 0x97, 51,   0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60,
                0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
  sign.resize(5 + 51, 0x5a);
  sign.push_back(0x00);
  good = good && Good(Send(card, protocol, sign));
  SCardEndTransaction(card, SCARD_LEAVE_CARD);
  SCardDisconnect(card, SCARD_RESET_CARD);
  return good ? Since(start) : -1;
}

}  // namespace madoguchi::bench
