#include "plugins/authority_online/online.h"

#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <utility>

#include "madoguchi/authority/v1/authority.grpc.pb.h"
#include "sdk/failure/failure.h"
#include "sdk/failure/grpc_status.h"

namespace madoguchi {
namespace {

using Server = authority::v1::Authority;
using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr int64_t kLongestTimeoutMs = 60000;
constexpr size_t kChallengeLength = 32;
// How soon a host that gave up is noticed.
constexpr milliseconds kGlance(50);

// What authority.proto lets a server say. Another code, of the card or of the desk, is not its to
// say.
bool MaySay(FailureCode code) {
  switch (code) {
    case check::v1::FAILURE_CODE_NOT_ENROLLED:
    case check::v1::FAILURE_CODE_METHOD_NOT_ENTITLED:
    case check::v1::FAILURE_CODE_CHALLENGE_SPENT:
    case check::v1::FAILURE_CODE_REQUEST_INVALID:
    case check::v1::FAILURE_CODE_CERTIFICATE_UNKNOWN_ISSUER:
    case check::v1::FAILURE_CODE_CERTIFICATE_EXPIRED:
    case check::v1::FAILURE_CODE_CERTIFICATE_NOT_YET_VALID:
    case check::v1::FAILURE_CODE_CERTIFICATE_REVOKED:
    case check::v1::FAILURE_CODE_SIGNATURE_WRONG:
    case check::v1::FAILURE_CODE_AUTHORITY_UNREACHABLE:
    case check::v1::FAILURE_CODE_AUTHORITY_SLOW:
      return true;
    default:
      return false;
  }
}

absl::Status AnswerInvalid(const std::string& detail) {
  return FailureStatus(check::v1::FAILURE_CODE_AUTHORITY_ANSWER_INVALID, detail);
}

// One call, until it is answered, its deadline is over or the host gives up.
template <typename Request, typename Reply, typename Begin>
grpc::Status Run(const plugin::Call& call, system_clock::time_point deadline,
                 const std::shared_ptr<grpc::Channel>& channel, const Request& request,
                 const Begin& begin, Reply* reply) {
  grpc::ClientContext context;
  context.set_deadline(deadline);
  grpc::CompletionQueue queue;
  const auto stub = Server::NewStub(channel);
  grpc::Status status;
  const auto running = begin(stub.get(), &context, request, &queue);
  running->Finish(reply, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  while (queue.AsyncNext(&tag, &ok, system_clock::now() + kGlance) ==
         grpc::CompletionQueue::TIMEOUT) {
    if (call.cancelled()) context.TryCancel();
  }
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  return status;
}

}  // namespace

absl::Status OnlineAuthority::Start(const plugin::Settings& settings) {
  const auto timeout = settings.Integer("timeout_ms", 1, kLongestTimeoutMs);
  if (!timeout.ok()) return timeout.status();
  timeout_ = milliseconds(*timeout);
  std::string text[5];
  constexpr const char* kNames[] = {"socket", "address", "server_ca", "client_certificate",
                                    "client_key"};
  for (int i = 0; i < 5; ++i) {
    auto value = settings.Text(kNames[i]);
    if (!value.ok()) return value.status();
    text[i] = *std::move(value);
  }
  const auto& [socket, address, server_ca, client_certificate, client_key] = text;
  if (socket.empty() == address.empty()) {
    return absl::InvalidArgumentError("settings socket and address: expected exactly one of them");
  }
  if (!socket.empty()) {
    if (socket[0] != '/') {
      return absl::InvalidArgumentError("setting socket is \"" + socket +
                                        "\"; expected an absolute path");
    }
    target_ = "unix:" + socket;
    credentials_ = grpc::InsecureChannelCredentials();
    return absl::OkStatus();
  }
  for (int i = 2; i < 5; ++i) {
    if (text[i].find("-----BEGIN ") == std::string::npos) {
      return absl::InvalidArgumentError(std::string("setting ") + kNames[i] +
                                        ": expected a PEM file, as address is set");
    }
  }
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = server_ca;
  options.pem_cert_chain = client_certificate;
  options.pem_private_key = client_key;
  target_ = address;
  credentials_ = grpc::SslCredentials(options);
  return absl::OkStatus();
}

std::shared_ptr<grpc::Channel> OnlineAuthority::channel() {
  const std::lock_guard lock(mutex_);
  if (!channel_) {
    grpc::ChannelArguments arguments;
    // The least is also how long one attempt to connect may take.
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
    // Otherwise a new channel would get the old channel's connection back.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    // No proxy stands between a host and its authority.
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    channel_ = grpc::CreateCustomChannel(target_, credentials_, arguments);
  }
  return channel_;
}

void OnlineAuthority::Forget(const std::shared_ptr<grpc::Channel>& failed) {
  const std::lock_guard lock(mutex_);
  if (channel_ == failed) channel_.reset();
}

template <typename Request, typename Reply, typename Begin>
absl::StatusOr<Reply> OnlineAuthority::Relay(const plugin::Call& call, const Request& request,
                                             bool again, const Begin& begin) {
  const auto deadline = std::min(call.deadline(), system_clock::now() + timeout_);
  for (;; again = false) {
    Reply reply;
    const auto channel = this->channel();
    const bool fresh = channel->GetState(false) == GRPC_CHANNEL_IDLE;
    const grpc::Status status = Run(call, deadline, channel, request, begin, &reply);
    if (status.ok()) return reply;
    const absl::Status failure = FromGrpc(status);
    if (MaySay(CodeOf(failure))) return failure;
    const bool connected = channel->GetState(false) == GRPC_CHANNEL_READY;
    const std::string& detail = status.error_message();
    switch (status.error_code()) {
      case grpc::StatusCode::UNAVAILABLE:
        Forget(channel);
        // The server was restarted since the last call: the connection was dead, it need not be.
        if (again && !fresh) continue;
        return FailureStatus(check::v1::FAILURE_CODE_AUTHORITY_UNREACHABLE, detail);
      case grpc::StatusCode::DEADLINE_EXCEEDED:
        Forget(channel);
        return FailureStatus(connected ? check::v1::FAILURE_CODE_AUTHORITY_SLOW
                                       : check::v1::FAILURE_CODE_AUTHORITY_UNREACHABLE,
                             detail);
      case grpc::StatusCode::CANCELLED:
        if (call.cancelled()) return absl::CancelledError("the host no longer waits");
        [[fallthrough]];
      default:
        return AnswerInvalid("gRPC status " + std::to_string(status.error_code()));
    }
  }
}

absl::StatusOr<authority::v1::ChallengeReply> OnlineAuthority::Challenge(
    const plugin::Call& call, const authority::v1::ChallengeRequest& request) {
  auto reply = Relay<authority::v1::ChallengeRequest, authority::v1::ChallengeReply>(
      call, request, true, [](Server::Stub* stub, auto* context, const auto& r, auto* queue) {
        return stub->AsyncChallenge(context, r, queue);
      });
  if (reply.ok() && reply->challenge().size() != kChallengeLength) {
    return AnswerInvalid("a challenge of " + std::to_string(reply->challenge().size()) + " bytes");
  }
  return reply;
}

absl::StatusOr<authority::v1::AskReply> OnlineAuthority::Ask(
    const plugin::Call& call, const authority::v1::AskRequest& request) {
  // A proof may have spent its challenge before the connection broke: once only.
  auto reply = Relay<authority::v1::AskRequest, authority::v1::AskReply>(
      call, request, !request.has_proof(),
      [](Server::Stub* stub, auto* context, const auto& r, auto* queue) {
        return stub->AsyncAsk(context, r, queue);
      });
  if (reply.ok() && (reply->validity() == check::v1::VALIDITY_UNSPECIFIED ||
                     !check::v1::Validity_IsValid(reply->validity()))) {
    return AnswerInvalid("a validity outside the code list");
  }
  return reply;
}

}  // namespace madoguchi
