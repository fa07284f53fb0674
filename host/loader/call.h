#ifndef MADOGUCHI_HOST_LOADER_CALL_H_
#define MADOGUCHI_HOST_LOADER_CALL_H_

#include <grpcpp/client_context.h>

#include "host/check/ports.h"
#include "sdk/failure/failure.h"
#include "sdk/failure/grpc_status.h"

namespace madoguchi {

// One unary call to a plugin within `limits`. A failure that the plugin names stays as it is;
// otherwise it is `gone` (the plugin died or is not what it should be) or `late`.
template <typename Method>
absl::Status CallPlugin(const CallLimits& limits, FailureCode gone, FailureCode late,
                        const Method& method) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + limits.timeout);
  const std::stop_callback cancel(limits.cancelled, [&context] { context.TryCancel(); });
  const absl::Status status = FromGrpc(method(&context));
  if (status.ok()) return status;
  if (limits.cancelled.stop_requested()) return FailureStatus(check::v1::FAILURE_CODE_CANCELLED);
  if (CodeOf(status) != check::v1::FAILURE_CODE_UNSPECIFIED) return status;
  const FailureCode code = status.code() == absl::StatusCode::kDeadlineExceeded ? late : gone;
  return FailureStatus(code, std::string(status.message()));
}

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_LOADER_CALL_H_
