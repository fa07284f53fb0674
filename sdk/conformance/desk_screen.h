#ifndef MADOGUCHI_SDK_CONFORMANCE_DESK_SCREEN_H_
#define MADOGUCHI_SDK_CONFORMANCE_DESK_SCREEN_H_

#include <grpcpp/channel.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "madoguchi/desk/v1/desk.grpc.pb.h"

namespace madoguchi::conformance {

// How a call ended: gRPC's code, and the Failure exactly as it came, with no text filled in.
struct CallEnd {
  grpc::StatusCode code = grpc::StatusCode::OK;
  check::v1::Failure failure;
  bool has_failure = false;

  static CallEnd Of(const grpc::Status& status);
  bool ok() const { return code == grpc::StatusCode::OK; }
  // "FAILED_PRECONDITION (9), REPLY_STALE"; for the report.
  std::string Text() const;
};

// How long a desk may take to answer, and to show what changed.
inline constexpr std::chrono::seconds kDeskPatience(5);

// A screen of one role that examines its desk: it keeps every View that it was sent. The stream
// begins with the object and is cancelled with it. Used by one thread.
class DeskScreen {
 public:
  DeskScreen(const std::shared_ptr<grpc::Channel>& channel, const std::string& counter,
             check::v1::Role role);
  ~DeskScreen();

  // The newest View as soon as it pleases; nothing when none does in time.
  std::optional<desk::v1::View> Await(const std::function<bool(const desk::v1::View&)>& pleases,
                                      std::chrono::milliseconds patience = kDeskPatience);
  // All so far, in the order in which they came.
  std::vector<desk::v1::View> views() const;
  // How the stream ended; nothing when it does not within the patience.
  std::optional<CallEnd> AwaitEnd();

 private:
  std::unique_ptr<desk::v1::Desk::Stub> stub_;
  grpc::ClientContext context_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<desk::v1::View> views_;
  std::optional<CallEnd> end_;
  std::jthread reader_;
};

}  // namespace madoguchi::conformance

#endif  // MADOGUCHI_SDK_CONFORMANCE_DESK_SCREEN_H_
