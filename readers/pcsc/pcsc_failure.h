#ifndef MADOGUCHI_READERS_PCSC_PCSC_FAILURE_H_
#define MADOGUCHI_READERS_PCSC_PCSC_FAILURE_H_

#include <winscard.h>

#include <string>

#include "sdk/failure/failure.h"

namespace madoguchi::pcsc {

// The one table from PC/SC's results to the catalogue. Results that it does not have are
// READER_LOST. `result` must not be SCARD_S_SUCCESS.
FailureCode FailureCodeOf(LONG result);

// Eight hexadecimal digits, as PC/SC's documents have them: "8010001D".
std::string PcscResultName(LONG result);

// The same as a status; the detail names `call` ("SCardConnect") and the result.
absl::Status PcscFailure(const std::string& call, LONG result);

// As PcscFailure, for the calls that ask pcscd to be let in, SCardEstablishContext and
// SCardConnect: there SCARD_W_SECURITY_VIOLATION is polkit's refusal, READER_ACCESS_DENIED. In all
// others it says that pcscd broke the connection off.
absl::Status AdmissionFailure(const std::string& call, LONG result);

// Whether `result` says that pcscd is gone, or does not know this context any more.
bool IsServiceLoss(LONG result);

}  // namespace madoguchi::pcsc

#endif  // MADOGUCHI_READERS_PCSC_PCSC_FAILURE_H_
