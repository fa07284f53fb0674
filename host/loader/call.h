#ifndef MADOGUCHI_HOST_LOADER_CALL_H_
#define MADOGUCHI_HOST_LOADER_CALL_H_

#include <grpcpp/client_context.h>

#include "host/check/ports.h"
#include "host/loader/plugin_life.h"
#include "sdk/failure/failure.h"
#include "sdk/failure/grpc_status.h"

namespace madoguchi {

// One unary call to the life of a plugin within `limits`. A failure that the plugin names stays as
// it is; otherwise it is `gone` (the plugin died or is not what it should be) or `late`. What is
// the plugin's own fault becomes one of its incidents.
template <typename Method>
absl::Status CallPlugin(const PluginLife& life, const CallLimits& limits, FailureCode gone,
                        FailureCode late, const Method& method) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + limits.timeout);
  const std::stop_callback cancel(limits.cancelled, [&context] { context.TryCancel(); });
  const absl::Status status = FromGrpc(method(&context));
  if (status.ok()) return status;
  if (limits.cancelled.stop_requested()) return FailureStatus(check::v1::FAILURE_CODE_CANCELLED);
  if (CodeOf(status) != check::v1::FAILURE_CODE_UNSPECIFIED) return status;
  const bool is_late = status.code() == absl::StatusCode::kDeadlineExceeded;
  const FailureCode code = is_late ? late : gone;
  // A death is told by whoever buries it; and where late has a meaning of its own, something behind
  // the plugin may be what is slow.
  if (!life.over && !absl::IsUnavailable(status) && (!is_late || late == gone)) {
    life.incidents->Add("failed a call: " + std::string(status.message()));
  }
  return FailureStatus(code, std::string(status.message()));
}

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_LOADER_CALL_H_
