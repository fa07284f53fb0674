#ifndef MADOGUCHI_SDK_FAILURE_FAILURE_H_
#define MADOGUCHI_SDK_FAILURE_FAILURE_H_

#include <string>

#include "absl/status/status.h"
#include "madoguchi/check/v1/failure.pb.h"

// Failures of the catalogue as absl::Status values. Inside a process a failure is an absl::Status
// with the Failure as its payload; between processes it is a gRPC status (grpc_status.h). A detail
// may be given as any bytes: what becomes of it is PlainLine's (plain_line.h).
namespace madoguchi {

using check::v1::Failure;
using check::v1::FailureCode;

// A status for `code`. `detail` is one English line for the log; it must hold nothing personal and
// no PIN. The canonical code follows from the failure code.
absl::Status FailureStatus(FailureCode code, const std::string& detail = "");

// The failure that `status` carries. A status without one (a library's own error, say) gives
// `otherwise`, with the status's message as detail. `status` must not be OK.
Failure FailureOf(const absl::Status& status, FailureCode otherwise);

// The code that `status` carries, FAILURE_CODE_UNSPECIFIED when it carries none or is OK.
FailureCode CodeOf(const absl::Status& status);

// `code` with the catalogue's texts in both languages. The texts are compiled in.
Failure Describe(FailureCode code, const std::string& detail = "");

// Short name as it stands in documents and JSON: CARD_GONE for FAILURE_CODE_CARD_GONE.
std::string NameOf(FailureCode code);

// The canonical code that belongs to a failure code; one table for every RPC.
absl::StatusCode CanonicalCode(FailureCode code);

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_FAILURE_FAILURE_H_
