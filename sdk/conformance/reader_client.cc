#include "sdk/conformance/reader_client.h"

#include "sdk/failure/grpc_status.h"

namespace madoguchi::conformance {
namespace {

template <typename Context>
Context* Until(Context& context, std::chrono::milliseconds patience) {
  context.set_deadline(std::chrono::system_clock::now() + patience);
  return &context;
}

}  // namespace

ReaderClient::ReaderClient(PluginProcess& process, std::chrono::milliseconds patience)
    : process_(process),
      patience_(patience),
      stub_(reader::v1::Reader::NewStub(process.channel())) {
  watch_ = std::thread([this] {
    const auto stream = stub_->Watch(&watch_context_, reader::v1::WatchRequest());
    reader::v1::Snapshot snapshot;
    while (stream->Read(&snapshot)) {
      std::lock_guard<std::mutex> lock(mutex_);
      newest_ = snapshot;
      changed_.notify_all();
    }
    stream->Finish();
  });
}

ReaderClient::~ReaderClient() {
  watch_context_.TryCancel();
  watch_.join();
}

std::optional<reader::v1::Snapshot> ReaderClient::Await(
    const std::function<bool(const reader::v1::Snapshot&)>& wanted,
    std::chrono::milliseconds patience) {
  std::unique_lock<std::mutex> lock(mutex_);
  const bool came =
      changed_.wait_for(lock, patience, [&] { return newest_.has_value() && wanted(*newest_); });
  return came ? newest_ : std::nullopt;
}

std::optional<reader::v1::ReaderState> ReaderClient::AwaitPresence(
    const std::string& reader, reader::v1::Presence presence, std::chrono::milliseconds patience) {
  std::optional<reader::v1::ReaderState> found;
  Await(
      [&](const reader::v1::Snapshot& snapshot) {
        for (const auto& state : snapshot.reader()) {
          if (state.name() != reader || state.presence() != presence) continue;
          found = state;
          return true;
        }
        return false;
      },
      patience);
  return found;
}

absl::StatusOr<reader::v1::OpenReply> ReaderClient::Open(const std::string& reader,
                                                         uint64_t insertion) {
  grpc::ClientContext context;
  reader::v1::OpenRequest request;
  request.set_reader(reader);
  request.set_insertion(insertion);
  reader::v1::OpenReply reply;
  const absl::Status status = FromGrpc(stub_->Open(Until(context, patience_), request, &reply));
  if (!status.ok()) return status;
  return reply;
}

absl::StatusOr<ReaderClient::Bytes> ReaderClient::Transmit(uint64_t session, const Bytes& command) {
  return Transmit(session, command, patience_);
}

absl::StatusOr<ReaderClient::Bytes> ReaderClient::Transmit(uint64_t session, const Bytes& command,
                                                           std::chrono::milliseconds deadline) {
  const auto reply = TransmitAll(session, {command}, deadline);
  if (!reply.ok()) return reply.status();
  if (reply->response_size() != 1) return absl::InternalError("expected one response");
  return Bytes(reply->response(0).begin(), reply->response(0).end());
}

absl::StatusOr<reader::v1::TransmitReply> ReaderClient::TransmitAll(
    uint64_t session, const std::vector<Bytes>& commands, std::chrono::milliseconds deadline) {
  grpc::ClientContext context;
  reader::v1::TransmitRequest request;
  request.set_session(session);
  for (const Bytes& command : commands) request.add_command(command.data(), command.size());
  reader::v1::TransmitReply reply;
  const absl::Status status = FromGrpc(stub_->Transmit(Until(context, deadline), request, &reply));
  if (!status.ok()) return status;
  return reply;
}

std::string ReaderClient::NewToken() {
  std::string token(16, '\0');
  std::lock_guard<std::mutex> lock(mutex_);
  const std::string number = std::to_string(++tokens_);
  token.replace(0, number.size(), number);
  return token;
}

absl::StatusOr<ReaderClient::Bytes> ReaderClient::VerifyPin(uint64_t session,
                                                            const Bytes& apdu_template,
                                                            const Bytes& pin) {
  const std::string token = NewToken();
  if (!process_.SendPin(token, pin)) return absl::UnavailableError("the PIN lane is closed");
  return VerifyToken(session, apdu_template, token);
}

absl::StatusOr<ReaderClient::Bytes> ReaderClient::VerifyToken(uint64_t session,
                                                              const Bytes& apdu_template,
                                                              const std::string& token) {
  grpc::ClientContext context;
  reader::v1::VerifyPinRequest request;
  request.set_session(session);
  request.set_apdu_template(apdu_template.data(), apdu_template.size());
  request.set_pin_offset(apdu_template.size());
  request.set_pin_token(token);
  reader::v1::VerifyPinReply reply;
  const absl::Status status =
      FromGrpc(stub_->VerifyPin(Until(context, patience_), request, &reply));
  if (!status.ok()) return status;
  return Bytes(reply.response().begin(), reply.response().end());
}

absl::StatusOr<ReaderClient::Bytes> ReaderClient::VerifyAtPad(uint64_t session,
                                                              const Bytes& apdu_template,
                                                              const reader::v1::PadForm& form) {
  grpc::ClientContext context;
  reader::v1::VerifyPinRequest request;
  request.set_session(session);
  request.set_apdu_template(apdu_template.data(), apdu_template.size());
  request.set_pin_offset(apdu_template.size());
  *request.mutable_pad_form() = form;
  reader::v1::VerifyPinReply reply;
  const auto patience = patience_ + std::chrono::seconds(form.patience_s());
  const absl::Status status = FromGrpc(stub_->VerifyPin(Until(context, patience), request, &reply));
  if (!status.ok()) return status;
  return Bytes(reply.response().begin(), reply.response().end());
}

absl::Status ReaderClient::Close(uint64_t session) {
  grpc::ClientContext context;
  reader::v1::CloseRequest request;
  request.set_session(session);
  reader::v1::CloseReply reply;
  return FromGrpc(stub_->Close(Until(context, patience_), request, &reply));
}

}  // namespace madoguchi::conformance
