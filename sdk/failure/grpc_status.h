#ifndef MADOGUCHI_SDK_FAILURE_GRPC_STATUS_H_
#define MADOGUCHI_SDK_FAILURE_GRPC_STATUS_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <functional>

#include "absl/status/status.h"

namespace madoguchi {

// `status` as it travels: same code, same message, the Failure in the status details, which are
// laid out as google.rpc.Status (see check.v1.StatusDetails).
grpc::Status ToGrpc(const absl::Status& status);

// The same on its way to a screen: what happened and what to do stand in the Failure, too.
grpc::Status ToScreen(const absl::Status& status);

// The other way round. Details that do not parse, or are absent, leave a status without a failure.
absl::Status FromGrpc(const grpc::Status& status);

// What `finish`, the Finish of a stream whose Read was false, returns. A message that cannot be
// parsed ends the reading and not the stream: where the other side has not ended it within a
// second, `call` is cancelled, so that nobody waits for ever. At once, it would lose the status of
// a stream that the other side did end.
grpc::Status FinishOf(grpc::ClientContext* call, const std::function<grpc::Status()>& finish);

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_FAILURE_GRPC_STATUS_H_
