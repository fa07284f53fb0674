#include "sdk/conformance/desk_screen.h"

#include "sdk/failure/failure.h"
#include "sdk/failure/grpc_status.h"

namespace madoguchi::conformance {

CallEnd CallEnd::Of(const grpc::Status& status) {
  CallEnd end;
  end.code = status.error_code();
  check::v1::StatusDetails details;
  if (!status.ok() && details.ParseFromString(status.error_details())) {
    for (const auto& any : details.details()) {
      end.has_failure = end.has_failure || any.UnpackTo(&end.failure);
    }
  }
  return end;
}

std::string CallEnd::Text() const {
  if (ok()) return "OK";
  return "gRPC code " + std::to_string(code) + ", " +
         (has_failure ? NameOf(failure.code()) : "no Failure in its details");
}

DeskScreen::DeskScreen(const std::shared_ptr<grpc::Channel>& channel, const std::string& counter,
                       check::v1::Role role)
    : stub_(desk::v1::Desk::NewStub(channel)) {
  desk::v1::WatchRequest request;
  request.set_counter(counter);
  request.set_role(role);
  reader_ = std::jthread([this, request] {
    const auto stream = stub_->Watch(&context_, request);
    desk::v1::View view;
    while (stream->Read(&view)) {
      std::lock_guard<std::mutex> lock(mutex_);
      views_.push_back(view);
      changed_.notify_all();
    }
    const CallEnd end = CallEnd::Of(FinishOf(&context_, [&stream] { return stream->Finish(); }));
    std::lock_guard<std::mutex> lock(mutex_);
    end_ = end;
    changed_.notify_all();
  });
}

DeskScreen::~DeskScreen() { context_.TryCancel(); }

std::optional<desk::v1::View> DeskScreen::Await(
    const std::function<bool(const desk::v1::View&)>& pleases, std::chrono::milliseconds patience) {
  std::unique_lock<std::mutex> lock(mutex_);
  const bool pleased = changed_.wait_for(
      lock, patience, [&] { return (!views_.empty() && pleases(views_.back())) || end_; });
  if (!pleased || views_.empty() || !pleases(views_.back())) return std::nullopt;
  return views_.back();
}

std::vector<desk::v1::View> DeskScreen::views() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return views_;
}

std::optional<CallEnd> DeskScreen::AwaitEnd() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait_for(lock, kDeskPatience, [&] { return end_.has_value(); });
  return end_;
}

}  // namespace madoguchi::conformance
