#ifndef MADOGUCHI_TESTS_CLINIC_SCREEN_H_
#define MADOGUCHI_TESTS_CLINIC_SCREEN_H_

#include <grpcpp/channel.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "madoguchi/desk/v1/desk.grpc.pb.h"

namespace madoguchi::clinic {

// A screen of one role at one counter, as a test holds it: the newest view, and replies to it.
class Screen {
 public:
  Screen(std::shared_ptr<grpc::Channel> channel, std::string counter, check::v1::Role role);
  ~Screen();

  // Waits until the newest view pleases; the view, or the last one when it does not in time (the
  // test then fails at its next expectation).
  desk::v1::View Await(const std::function<bool(const desk::v1::View&)>& pleases,
                       std::chrono::milliseconds patience = std::chrono::seconds(20));
  desk::v1::View AwaitStage(desk::v1::Stage stage);
  // Waits until the check has its verdict.
  check::v1::Verdict AwaitVerdict();

  // Replies as this screen; counter and role are filled in, check and question where they are empty
  // from the newest view. The status as the host gave it.
  absl::Status Send(desk::v1::Reply reply);
  // The usual ones. Begin waits for the idle view first, Pin for a prompt (it seals), and for the
  // next one where that was overtaken.
  absl::Status Begin(const std::string& method);
  absl::Status Pin(const std::string& pin);
  absl::Status Cancel();
  absl::Status Close();

  desk::v1::Desk::Stub& stub() { return *stub_; }
  // The status with which the stream ended, if it has.
  std::optional<absl::Status> ended() const;

 private:
  absl::Status SendPin(const std::string& pin, const desk::v1::View& view);

  const std::string counter_;
  const check::v1::Role role_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<desk::v1::Desk::Stub> stub_;
  grpc::ClientContext context_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  desk::v1::View view_;
  std::optional<absl::Status> ended_;
  std::jthread reader_;
};

}  // namespace madoguchi::clinic

#endif  // MADOGUCHI_TESTS_CLINIC_SCREEN_H_
