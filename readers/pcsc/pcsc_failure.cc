#include "readers/pcsc/pcsc_failure.h"

#include <array>
#include <cstdio>

namespace madoguchi::pcsc {
namespace {

using namespace check::v1;  // NOLINT: the enumerators of the table.

struct Row {
  LONG result;
  FailureCode code;
};

constexpr Row kTable[] = {
    {SCARD_W_REMOVED_CARD, FAILURE_CODE_CARD_GONE},
    {SCARD_E_NO_SMARTCARD, FAILURE_CODE_CARD_GONE},
    // What pcscd says to the call after the one in which the card was pulled.
    {SCARD_E_NOT_TRANSACTED, FAILURE_CODE_CARD_GONE},
    // Within a transaction nobody else can reset it: it was out and is in again.
    {SCARD_W_RESET_CARD, FAILURE_CODE_CARD_GONE},
    {SCARD_E_SHARING_VIOLATION, FAILURE_CODE_CARD_BUSY},
    {SCARD_E_SERVER_TOO_BUSY, FAILURE_CODE_CARD_BUSY},
    {SCARD_W_UNPOWERED_CARD, FAILURE_CODE_CARD_UNPOWERED},
    {SCARD_W_UNRESPONSIVE_CARD, FAILURE_CODE_CARD_UNPOWERED},
    {SCARD_W_UNSUPPORTED_CARD, FAILURE_CODE_CARD_UNPOWERED},
    {SCARD_E_PROTO_MISMATCH, FAILURE_CODE_CARD_UNPOWERED},
    {SCARD_E_UNKNOWN_READER, FAILURE_CODE_READER_LOST},
    {SCARD_E_READER_UNAVAILABLE, FAILURE_CODE_READER_LOST},
    {SCARD_E_NO_READERS_AVAILABLE, FAILURE_CODE_READER_LOST},
    {SCARD_E_INSUFFICIENT_BUFFER, FAILURE_CODE_CARD_ANSWER_INVALID},
    {SCARD_E_INVALID_PARAMETER, FAILURE_CODE_REQUEST_INVALID},
    {SCARD_E_INVALID_VALUE, FAILURE_CODE_REQUEST_INVALID},
    {SCARD_E_NO_SERVICE, FAILURE_CODE_READER_SERVICE_DOWN},
    {SCARD_E_SERVICE_STOPPED, FAILURE_CODE_READER_SERVICE_DOWN},
    {SCARD_F_COMM_ERROR, FAILURE_CODE_READER_SERVICE_DOWN},
    // A pcscd that was started anew does not know the handles of the one before.
    {SCARD_E_INVALID_HANDLE, FAILURE_CODE_READER_SERVICE_DOWN},
    // What libpcsclite makes of a connection that was reset.
    {SCARD_W_SECURITY_VIOLATION, FAILURE_CODE_READER_SERVICE_DOWN},
};

}  // namespace

FailureCode FailureCodeOf(LONG result) {
  for (const Row& row : kTable) {
    if (row.result == result) return row.code;
  }
  return FAILURE_CODE_READER_LOST;
}

std::string PcscResultName(LONG result) {
  std::array<char, 16> hex;
  std::snprintf(hex.data(), hex.size(), "%08lX", static_cast<unsigned long>(result) & 0xFFFFFFFF);
  return hex.data();
}

absl::Status PcscFailure(const std::string& call, LONG result) {
  return FailureStatus(FailureCodeOf(result), call + ": " + PcscResultName(result));
}

absl::Status AdmissionFailure(const std::string& call, LONG result) {
  if (result != SCARD_W_SECURITY_VIOLATION) return PcscFailure(call, result);
  return FailureStatus(FAILURE_CODE_READER_ACCESS_DENIED, call + ": " + PcscResultName(result));
}

bool IsServiceLoss(LONG result) {
  return FailureCodeOf(result) == FAILURE_CODE_READER_SERVICE_DOWN;
}

}  // namespace madoguchi::pcsc
