#ifndef MADOGUCHI_SDK_FAILURE_GRPC_STATUS_H_
#define MADOGUCHI_SDK_FAILURE_GRPC_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace madoguchi {

// `status` as it travels: same code, same message, the Failure in the status details, which are
// laid out as google.rpc.Status (see check.v1.StatusDetails).
grpc::Status ToGrpc(const absl::Status& status);

// The other way round. Details that do not parse, or are absent, leave a status without a failure.
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_FAILURE_GRPC_STATUS_H_
