#ifndef MADOGUCHI_READERS_PCSC_PCSC_API_H_
#define MADOGUCHI_READERS_PCSC_PCSC_API_H_

#include <winscard.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace madoguchi::pcsc {

// The PC/SC calls that this plugin makes, as a seam: tests put a fake here. Each returns what the
// SCard function of its name returns (SCARD_S_SUCCESS or an SCARD_E_, SCARD_W_ or SCARD_F_ code)
// and has its meaning.
//
// Thread-safe. Calls on one context, and on the cards connected through it, exclude each other, and
// a call on a context that is stuck in another call may block calls on every other context:
// libpcsclite waits for the one while it holds its lock of all. Only Cancel is free of that.
class PcscApi {
 public:
  virtual ~PcscApi() = default;
  virtual LONG EstablishContext(SCARDCONTEXT* context) = 0;
  virtual LONG ReleaseContext(SCARDCONTEXT context) = 0;
  // SCARD_S_SUCCESS with an empty list when no reader is there.
  virtual LONG ListReaders(SCARDCONTEXT context, std::vector<std::string>* readers) = 0;
  // `timeout` in milliseconds.
  virtual LONG GetStatusChange(SCARDCONTEXT context, DWORD timeout,
                               std::span<SCARD_READERSTATE> states) = 0;
  virtual LONG Cancel(SCARDCONTEXT context) = 0;
  // Shared, T=0 or T=1; `protocol` is the one that came about.
  virtual LONG Connect(SCARDCONTEXT context, const std::string& reader, SCARDHANDLE* card,
                       DWORD* protocol) = 0;
  // To the reader, with or without a card in it, which stays as it is.
  virtual LONG ConnectDirect(SCARDCONTEXT context, const std::string& reader,
                             SCARDHANDLE* card) = 0;
  // Waits while another program is in a transaction, without end.
  virtual LONG BeginTransaction(SCARDHANDLE card) = 0;
  // The card is left as it is.
  virtual LONG EndTransaction(SCARDHANDLE card) = 0;
  // `disposition`: SCARD_LEAVE_CARD or SCARD_RESET_CARD.
  virtual LONG Disconnect(SCARDHANDLE card, DWORD disposition) = 0;
  // `size` is the room at `response` and becomes the answer's length. Keeps no copy of `command`.
  virtual LONG Transmit(SCARDHANDLE card, DWORD protocol, std::span<const uint8_t> command,
                        uint8_t* response, DWORD* size) = 0;
  // `answer` is the room for what comes back, `size` becomes its length. Blocks while a person
  // types at a PIN pad.
  virtual LONG Control(SCARDHANDLE card, DWORD code, std::span<const uint8_t> data,
                       std::span<uint8_t> answer, DWORD* size) = 0;
  // `value` is the room, `size` becomes the length.
  virtual LONG GetAttrib(SCARDHANDLE card, DWORD attribute, std::span<uint8_t> value,
                         DWORD* size) = 0;
};

// libpcsclite. One object, for ever.
PcscApi& LibPcsclite();

}  // namespace madoguchi::pcsc

#endif  // MADOGUCHI_READERS_PCSC_PCSC_API_H_
