#include "sdk/failure/grpc_status.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "madoguchi/check/v1/failure.pb.h"
#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

constexpr std::chrono::milliseconds kEndOfStream(1000);

grpc::Status WithDetails(const absl::Status& status, const Failure& failure) {
  if (status.ok()) return grpc::Status::OK;
  const auto code = static_cast<grpc::StatusCode>(status.code());
  const std::string message(status.message());
  if (failure.code() == check::v1::FAILURE_CODE_UNSPECIFIED) return grpc::Status(code, message);
  check::v1::StatusDetails details;
  details.set_code(static_cast<int>(code));
  details.set_message(message);
  details.add_details()->PackFrom(failure);
  return grpc::Status(code, message, details.SerializeAsString());
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  return WithDetails(status, FailureOf(status, CodeOf(status)));
}

grpc::Status ToScreen(const absl::Status& status) {
  const Failure failure = FailureOf(status, CodeOf(status));
  return WithDetails(status, Describe(failure.code(), failure.detail()));
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  check::v1::StatusDetails details;
  Failure failure;
  if (details.ParseFromString(status.error_details()) && details.details_size() > 0 &&
      details.details(0).UnpackTo(&failure)) {
    absl::Status carried = FailureStatus(failure.code(), failure.detail());
    return carried;
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

grpc::Status FinishOf(grpc::ClientContext* call, const std::function<grpc::Status()>& finish) {
  std::mutex mutex;
  std::condition_variable_any wake;
  const std::jthread late([&](const std::stop_token& finished) {
    std::unique_lock<std::mutex> lock(mutex);
    wake.wait_for(lock, finished, kEndOfStream, [] { return false; });
    if (!finished.stop_requested()) call->TryCancel();
  });
  return finish();
}

}  // namespace madoguchi
