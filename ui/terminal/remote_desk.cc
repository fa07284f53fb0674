#include "ui/terminal/remote_desk.h"

#include <utility>

#include "madoguchi/desk/v1/desk.grpc.pb.h"
#include "sdk/failure/failure.h"
#include "sdk/failure/grpc_status.h"

namespace madoguchi::terminal {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kRetryPause(200);

// Whether the transport failed, or the host went: the next connection may do better. The host's own
// refusals carry a failure.
bool IsBroken(const absl::Status& status) {
  const FailureCode code = CodeOf(status);
  return code == check::v1::FAILURE_CODE_HOST_UNREACHABLE ||
         code == check::v1::FAILURE_CODE_HOST_STOPPING;
}

// gRPC's story without its preface; the first sentence is ours.
std::string Cause(const std::string& message) {
  const size_t last = message.rfind("last error: ");
  if (last == std::string::npos) return message;
  const size_t colon = message.find(": ", last + 12);  // after the code
  return message.substr(colon == std::string::npos ? last + 12 : colon + 2);
}

}  // namespace

void SetDeadline(grpc::ClientContext* call) {
  call->set_deadline(std::chrono::system_clock::now() + kCallLimit);
}

absl::Status CallStatus(const grpc::Status& status, const std::string& address) {
  const absl::Status ours = FromGrpc(status);
  if (ours.ok() || CodeOf(ours) != check::v1::FAILURE_CODE_UNSPECIFIED) return ours;
  return FailureStatus(check::v1::FAILURE_CODE_HOST_UNREACHABLE,
                       address + ": " + Cause(status.error_message()));
}

struct RemoteDesk::Seat {
  check::v1::Role role;
  Sight sight;                            // guarded by mutex_
  grpc::ClientContext* stream = nullptr;  // guarded by mutex_; the one to cancel
  std::thread thread;
};

RemoteDesk::RemoteDesk(screen::DeskConnection* connection, const std::string& counter,
                       const std::vector<check::v1::Role>& roles, Bell* bell,
                       std::chrono::milliseconds heartbeat)
    : connection_(connection), counter_(counter), bell_(bell) {
  for (const check::v1::Role role : roles) {
    auto seat = std::make_unique<Seat>();
    seat->role = role;
    seats_[role] = std::move(seat);
  }
  for (const auto& [role, seat] : seats_) {
    seat->thread = std::thread([this, seat = seat.get()] { Watch(seat); });
  }
  heart_ = std::thread([this, heartbeat] { Listen(heartbeat); });
}

RemoteDesk::~RemoteDesk() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    for (const auto& [role, seat] : seats_) {
      if (seat->stream != nullptr) seat->stream->TryCancel();
    }
    if (beat_ != nullptr) beat_->TryCancel();
  }
  ending_.notify_all();
  heart_.join();
  for (const auto& [role, seat] : seats_) seat->thread.join();
}

void RemoteDesk::Listen(std::chrono::milliseconds heartbeat) {
  while (Pause(heartbeat)) {
    const auto channel = connection_->Channel();
    if (!channel.ok()) continue;  // The seats find that out by themselves.
    grpc::ClientContext call;
    call.set_deadline(std::chrono::system_clock::now() + heartbeat);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (ended_) return;
      beat_ = &call;
    }
    desk::v1::GetHostReply reply;
    const grpc::Status status = desk::v1::Desk::NewStub(*channel)->GetHost(&call, {}, &reply);
    const std::lock_guard<std::mutex> lock(mutex_);
    beat_ = nullptr;
    if (status.error_code() != grpc::StatusCode::DEADLINE_EXCEEDED) continue;
    for (const auto& [role, seat] : seats_) {
      if (seat->stream != nullptr) seat->stream->TryCancel();
    }
  }
}

bool RemoteDesk::Pause(std::chrono::milliseconds time) {
  std::unique_lock<std::mutex> lock(mutex_);
  return !ending_.wait_for(lock, time, [this] { return ended_; });
}

grpc::Status RemoteDesk::WatchOnce(Seat* seat, const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext call;
  desk::v1::WatchRequest request;
  request.set_counter(counter_);
  request.set_role(seat->role);
  const auto stub = desk::v1::Desk::NewStub(channel);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (ended_) return grpc::Status::CANCELLED;
    seat->stream = &call;
  }
  const auto stream = stub->Watch(&call, request);
  bool first = true;
  desk::v1::View view;
  while (stream->Read(&view)) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (std::exchange(first, false)) ++seat->sight.connections;
    seat->sight.broken = false;
    seat->sight.view = std::move(view);
    bell_->Ring();
  }
  const grpc::Status status = FinishOf(&call, [&] { return stream->Finish(); });
  const std::lock_guard<std::mutex> lock(mutex_);
  seat->stream = nullptr;
  return status;
}

void RemoteDesk::Watch(Seat* seat) {
  std::shared_ptr<grpc::Channel> used;
  Clock::time_point give_up = Clock::now() + kReconnectLimit;
  for (;;) {
    const auto channel = used ? connection_->Renew(used) : connection_->Channel();
    absl::Status status = channel.status();
    if (channel.ok()) {
      used = *channel;
      uint32_t before;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        before = seat->sight.connections;
      }
      const grpc::Status ended = WatchOnce(seat, used);
      // A stream that ends well ends because the host does.
      status = ended.ok() ? FailureStatus(check::v1::FAILURE_CODE_HOST_STOPPING)
                          : CallStatus(ended, connection_->address());
      const std::lock_guard<std::mutex> lock(mutex_);
      if (ended_) return;
      if (seat->sight.connections != before) give_up = Clock::now() + kReconnectLimit;
    }
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      seat->sight.broken = true;
      if (!IsBroken(status) || Clock::now() >= give_up) {
        seat->sight.lost = status;
        bell_->Ring();
        return;
      }
    }
    bell_->Ring();
    if (!Pause(kRetryPause)) return;
  }
}

Sight RemoteDesk::Look(check::v1::Role role) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto seat = seats_.find(role);
  if (seat == seats_.end()) return {};
  return seat->second->sight;
}

absl::StatusOr<std::string> RemoteDesk::Send(const desk::v1::Reply& reply) {
  desk::v1::SendRequest request;
  *request.mutable_reply() = reply;
  const Clock::time_point give_up = Clock::now() + kReconnectLimit;
  bool again = false;
  auto channel = connection_->Channel();
  for (;;) {
    absl::Status status = channel.status();
    if (channel.ok()) {
      grpc::ClientContext call;
      SetDeadline(&call);
      desk::v1::SendReply answer;
      status = CallStatus(desk::v1::Desk::NewStub(*channel)->Send(&call, request, &answer),
                          connection_->address());
      if (status.ok()) return answer.check_id();
    }
    if (again && CodeOf(status) == check::v1::FAILURE_CODE_REPLY_STALE) return reply.check_id();
    if (!IsBroken(status) || reply.has_begin() || Clock::now() >= give_up) return status;
    again = true;
    if (!Pause(kRetryPause)) return status;
    channel = channel.ok() ? connection_->Renew(*channel) : connection_->Channel();
  }
}

}  // namespace madoguchi::terminal
