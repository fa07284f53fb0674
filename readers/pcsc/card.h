#ifndef MADOGUCHI_READERS_PCSC_CARD_H_
#define MADOGUCHI_READERS_PCSC_CARD_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "readers/pcsc/pad_rules.h"
#include "readers/pcsc/pcsc_api.h"
#include "sdk/plugin/reader.h"

namespace madoguchi::pcsc {

// One connection to a card, with a transaction on it. One thread at a time; every call may block
// for as long as the card, or another program, does.
class Card {
 public:
  // `context` may be 0: one is established when it is needed. It stays the card's until
  // TakeContext. `api` outlives the card.
  Card(PcscApi& api, std::string reader, SCARDCONTEXT context);

  // Connects and begins a transaction; the card of PC/SC's event number `events` is then ours
  // alone.
  absl::Status Begin(uint16_t events);
  absl::StatusOr<std::vector<uint8_t>> Transmit(std::span<const uint8_t> command);
  // As Reader::VerifyAtPad.
  absl::StatusOr<std::vector<uint8_t>> VerifyAtPad(std::span<const uint8_t> apdu_template,
                                                   uint32_t pin_offset,
                                                   const reader::v1::PadForm& form,
                                                   const PadRule& rule);
  // Lets the card go, if there is one, as `disposition` says.
  void End(DWORD disposition);

  // The context, which is the caller's from now on; 0 when there is none.
  SCARDCONTEXT TakeContext();
  const std::string& reader() const { return reader_; }
  const std::string& atr() const { return atr_; }

 private:
  PcscApi& api_;
  const std::string reader_;
  SCARDCONTEXT context_;
  SCARDHANDLE handle_ = 0;
  bool in_transaction_ = false;
  DWORD protocol_ = 0;
  std::string atr_;
  std::unique_ptr<uint8_t[]> answer_;
};

}  // namespace madoguchi::pcsc

#endif  // MADOGUCHI_READERS_PCSC_CARD_H_
