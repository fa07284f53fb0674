#include "readers/pcsc/card.h"

#include <algorithm>
#include <utility>

#include "readers/pcsc/pcsc_failure.h"
#include "readers/pcsc/pin_pad.h"
#include "readers/pcsc/reader_table.h"

namespace madoguchi::pcsc {
namespace {

using namespace check::v1;  // NOLINT: the failure codes.

constexpr int kResetsInARow = 5;

}  // namespace

Card::Card(PcscApi& api, std::string reader, SCARDCONTEXT context)
    : api_(api), reader_(std::move(reader)), context_(context) {}

absl::Status Card::Begin(uint16_t events) {
  LONG result;
  for (int tries = 0;; ++tries) {
    const bool spare = context_ != 0;
    if (!spare) {
      result = api_.EstablishContext(&context_);
      if (result != SCARD_S_SUCCESS) {
        context_ = 0;
        return AdmissionFailure("SCardEstablishContext", result);
      }
    }
    result = api_.Connect(context_, reader_, &handle_, &protocol_);
    if (spare && tries == 0 && IsServiceLoss(result)) {
      // Of a pcscd that is no more; there may be a new one.
      api_.ReleaseContext(context_);
      context_ = 0;
      continue;
    }
    if (result != SCARD_S_SUCCESS) {
      handle_ = 0;
      return AdmissionFailure("SCardConnect", result);
    }
    result = api_.BeginTransaction(handle_);
    if (result == SCARD_S_SUCCESS) break;
    if (result != SCARD_W_RESET_CARD || tries == kResetsInARow) {
      return PcscFailure("SCardBeginTransaction", result);
    }
    // The program that held the card reset it at its end: connect to it as it is now.
    api_.Disconnect(handle_, SCARD_LEAVE_CARD);
    handle_ = 0;
  }
  in_transaction_ = true;
  SCARD_READERSTATE state{};
  state.szReader = reader_.c_str();
  result = api_.GetStatusChange(context_, 0, {&state, 1});
  if (result != SCARD_S_SUCCESS) return PcscFailure("SCardGetStatusChange", result);
  // The card may have been swapped since the watch saw it.
  if ((state.dwEventState & SCARD_STATE_PRESENT) == 0 || EventsOf(state.dwEventState) != events) {
    return FailureStatus(FAILURE_CODE_CARD_GONE, "another card lies there now");
  }
  atr_.assign(reinterpret_cast<const char*>(state.rgbAtr),
              std::min<size_t>(state.cbAtr, sizeof(state.rgbAtr)));
  answer_ = std::make_unique_for_overwrite<uint8_t[]>(MAX_BUFFER_SIZE_EXTENDED);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<uint8_t>> Card::Transmit(std::span<const uint8_t> command) {
  DWORD size = MAX_BUFFER_SIZE_EXTENDED;
  const LONG result = api_.Transmit(handle_, protocol_, command, answer_.get(), &size);
  if (result != SCARD_S_SUCCESS) return PcscFailure("SCardTransmit", result);
  if (size < 2) return FailureStatus(FAILURE_CODE_CARD_GONE, "no SW1 SW2: pulled in mid-APDU");
  return std::vector<uint8_t>(answer_.get(), answer_.get() + size);
}

absl::StatusOr<std::vector<uint8_t>> Card::VerifyAtPad(std::span<const uint8_t> apdu_template,
                                                       uint32_t pin_offset,
                                                       const reader::v1::PadForm& form,
                                                       const PadRule& rule) {
  return pcsc::VerifyAtPad(api_, handle_, apdu_template, pin_offset, form, rule);
}

void Card::End(DWORD disposition) {
  if (in_transaction_ && disposition == SCARD_LEAVE_CARD) api_.EndTransaction(handle_);
  // With the transaction still on: nobody gets at the card before it is reset. pcscd ends the
  // transaction with the connection.
  if (handle_ != 0) api_.Disconnect(handle_, disposition);
  in_transaction_ = false;
  handle_ = 0;
}

SCARDCONTEXT Card::TakeContext() { return std::exchange(context_, 0); }

}  // namespace madoguchi::pcsc
