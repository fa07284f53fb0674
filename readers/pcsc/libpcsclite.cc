#include "readers/pcsc/pcsc_api.h"

namespace madoguchi::pcsc {
namespace {

constexpr int kListTries = 5;

class Library final : public PcscApi {
 public:
  LONG EstablishContext(SCARDCONTEXT* context) override {
    return SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, context);
  }
  LONG ReleaseContext(SCARDCONTEXT context) override { return SCardReleaseContext(context); }
  LONG ListReaders(SCARDCONTEXT context, std::vector<std::string>* readers) override {
    readers->clear();
    std::string names;
    DWORD size = 0;
    LONG result = SCARD_E_INSUFFICIENT_BUFFER;
    // A reader may come between the two calls.
    for (int tries = 0; tries < kListTries && result == SCARD_E_INSUFFICIENT_BUFFER; ++tries) {
      result = SCardListReaders(context, nullptr, nullptr, &size);
      names.assign(size, '\0');
      if (result == SCARD_S_SUCCESS) {
        result = SCardListReaders(context, nullptr, names.data(), &size);
      }
    }
    if (result == SCARD_E_NO_READERS_AVAILABLE) return SCARD_S_SUCCESS;
    if (result != SCARD_S_SUCCESS) return result;
    // Names that end in a zero each, and an empty one after the last.
    for (size_t at = 0; at < size && names[at] != '\0'; at += readers->back().size() + 1) {
      readers->emplace_back(names.c_str() + at);
    }
    return SCARD_S_SUCCESS;
  }
  LONG GetStatusChange(SCARDCONTEXT context, DWORD timeout,
                       std::span<SCARD_READERSTATE> states) override {
    return SCardGetStatusChange(context, timeout, states.data(), states.size());
  }
  LONG Cancel(SCARDCONTEXT context) override { return SCardCancel(context); }
  LONG Connect(SCARDCONTEXT context, const std::string& reader, SCARDHANDLE* card,
               DWORD* protocol) override {
    return SCardConnect(context, reader.c_str(), SCARD_SHARE_SHARED,
                        SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, card, protocol);
  }
  LONG ConnectDirect(SCARDCONTEXT context, const std::string& reader, SCARDHANDLE* card) override {
    DWORD protocol = 0;
    return SCardConnect(context, reader.c_str(), SCARD_SHARE_DIRECT, 0, card, &protocol);
  }
  LONG BeginTransaction(SCARDHANDLE card) override { return SCardBeginTransaction(card); }
  LONG EndTransaction(SCARDHANDLE card) override {
    return SCardEndTransaction(card, SCARD_LEAVE_CARD);
  }
  LONG Disconnect(SCARDHANDLE card, DWORD disposition) override {
    return SCardDisconnect(card, disposition);
  }
  LONG Transmit(SCARDHANDLE card, DWORD protocol, std::span<const uint8_t> command,
                uint8_t* response, DWORD* size) override {
    const SCARD_IO_REQUEST* const pci = protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;
    return SCardTransmit(card, pci, command.data(), command.size(), nullptr, response, size);
  }
  LONG Control(SCARDHANDLE card, DWORD code, std::span<const uint8_t> data,
               std::span<uint8_t> answer, DWORD* size) override {
    *size = 0;
    return SCardControl(card, code, data.data(), data.size(), answer.data(), answer.size(), size);
  }
  LONG GetAttrib(SCARDHANDLE card, DWORD attribute, std::span<uint8_t> value,
                 DWORD* size) override {
    *size = value.size();
    return SCardGetAttrib(card, attribute, value.data(), size);
  }
};

}  // namespace

PcscApi& LibPcsclite() {
  static auto* const library = new Library;
  return *library;
}

}  // namespace madoguchi::pcsc
