#include "sdk/plugin/reader.h"

#include <google/protobuf/util/message_differencer.h>

#include <atomic>

#include "madoguchi/reader/v1/reader.grpc.pb.h"
#include "sdk/failure/failure.h"
#include "sdk/failure/grpc_status.h"
#include "sdk/plugin/pin_lane.h"
#include "sdk/plugin/serve.h"
#include "sdk/plugin/unused_sessions.h"

namespace madoguchi::plugin {
namespace {

using check::v1::FAILURE_CODE_REQUEST_INVALID;

constexpr size_t kShortestCommand = 4;
constexpr size_t kLongestCommand = 65544;
constexpr int kMostCommands = 64;
constexpr uint32_t kLongestPin = 16;
constexpr uint32_t kLongestPatience = 255;  // seconds
// How often a watch looks whether its listener is still there, and whether a PIN was left behind.
constexpr std::chrono::milliseconds kWatchTurn(200);

std::span<const uint8_t> BytesOf(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

class ReaderService final : public reader::v1::Reader::Service {
 public:
  explicit ReaderService(Reader& reader) : reader_(reader), lane_(kPinFd) {}

  void Stop() { stopping_ = true; }

  grpc::Status Watch(grpc::ServerContext* context, const reader::v1::WatchRequest*,
                     grpc::ServerWriter<reader::v1::Snapshot>* writer) override {
    uint64_t seen = 0;
    while (!context->IsCancelled() && !stopping_) {
      reader::v1::Snapshot snapshot;
      const uint64_t number = reader_.board().WaitNewer(seen, kWatchTurn, &snapshot);
      if (number != seen && !writer->Write(snapshot)) break;
      seen = number;
      lane_.Sweep();
      for (const uint64_t session : unused_.TakeForgotten(std::chrono::steady_clock::now())) {
        reader_.Close(session);
      }
    }
    return grpc::Status::OK;
  }

  grpc::Status Open(grpc::ServerContext* context, const reader::v1::OpenRequest* request,
                    reader::v1::OpenReply* reply) override {
    auto opened = reader_.Open(*request);
    if (!opened.ok()) return ToGrpc(opened.status());
    // The host gave up while the card was waking: nobody will ever close this session.
    if (context->IsCancelled()) {
      reader_.Close(opened->session());
    } else {
      unused_.Opened(opened->session(), std::chrono::steady_clock::now());
    }
    *reply = *std::move(opened);
    return grpc::Status::OK;
  }

  grpc::Status Transmit(grpc::ServerContext* context, const reader::v1::TransmitRequest* request,
                        reader::v1::TransmitReply* reply) override {
    if (request->command().empty()) {
      return ToGrpc(FailureStatus(FAILURE_CODE_REQUEST_INVALID, "expected 1 to 64 commands"));
    }
    if (absl::Status fit = Fit(request->command()); !fit.ok()) return ToGrpc(fit);
    unused_.Used(request->session());
    return ToGrpc(
        TransmitAll(*context, request->session(), request->command(), reply->mutable_response()));
  }

  grpc::Status VerifyPin(grpc::ServerContext* context, const reader::v1::VerifyPinRequest* request,
                         reader::v1::VerifyPinReply* reply) override {
    if (absl::Status fit = Fit(request->following()); !fit.ok()) return ToGrpc(fit);
    unused_.Used(request->session());
    const auto response = Verify(*context, *request);
    if (!response.ok()) return ToGrpc(response.status());
    reply->set_response(response->data(), response->size());
    if (!IsGood(*response)) return grpc::Status::OK;
    return ToGrpc(TransmitAll(*context, request->session(), request->following(),
                              reply->mutable_following()));
  }

  grpc::Status Close(grpc::ServerContext*, const reader::v1::CloseRequest* request,
                     reader::v1::CloseReply*) override {
    unused_.Used(request->session());
    reader_.Close(request->session());
    return grpc::Status::OK;
  }

 private:
  using Texts = google::protobuf::RepeatedPtrField<std::string>;

  static absl::Status Fit(const Texts& commands) {
    if (commands.size() > kMostCommands) {
      return FailureStatus(FAILURE_CODE_REQUEST_INVALID, "expected at most 64 commands");
    }
    for (const std::string& command : commands) {
      if (command.size() < kShortestCommand || command.size() > kLongestCommand) {
        return FailureStatus(FAILURE_CODE_REQUEST_INVALID, "a command has 4 to 65544 bytes");
      }
    }
    return absl::OkStatus();
  }

  static bool IsGood(const std::vector<uint8_t>& response) {
    const size_t size = response.size();
    return size >= 2 && response[size - 2] == 0x90 && response[size - 1] == 0x00;
  }

  absl::Status TransmitAll(const grpc::ServerContext& context, uint64_t session,
                           const Texts& commands, Texts* responses) {
    for (const std::string& command : commands) {
      if (context.IsCancelled()) return absl::CancelledError();
      const auto response = reader_.Transmit(session, BytesOf(command));
      if (!response.ok()) return response.status();
      responses->Add(std::string(response->begin(), response->end()));
      if (!IsGood(*response)) break;
    }
    return absl::OkStatus();
  }

  static absl::StatusOr<reader::v1::PadForm> PadFormOf(
      const reader::v1::VerifyPinRequest& request) {
    reader::v1::PadForm form;
    if (!request.has_pad_form()) {
      form.set_shortest(4);
      form.set_longest(kLongestPin);
      form.set_patience_s(30);
      return form;
    }
    form = request.pad_form();
    const bool fits = form.shortest() >= 1 && form.shortest() <= form.longest() &&
                      form.longest() <= kLongestPin && form.patience_s() >= 1 &&
                      form.patience_s() <= kLongestPatience;
    if (fits) return form;
    return FailureStatus(FAILURE_CODE_REQUEST_INVALID,
                         "pad_form: expected 1 to 16 digits and 1 to 255 s");
  }

  absl::StatusOr<std::vector<uint8_t>> Verify(const grpc::ServerContext& context,
                                              const reader::v1::VerifyPinRequest& request) {
    const auto apdu_template = BytesOf(request.apdu_template());
    if (request.pin_token().empty()) {
      const auto form = PadFormOf(request);
      if (!form.ok()) return form.status();
      return reader_.VerifyAtPad(request.session(), apdu_template, request.pin_offset(), *form);
    }
    absl::StatusOr<Secret> command = absl::UnknownError("");
    {
      absl::StatusOr<Secret> pin = lane_.Take(request.pin_token());
      if (!pin.ok()) return pin.status();
      command = FillPin(apdu_template, request.pin_offset(), *pin);
    }
    if (!command.ok()) return command.status();
    // A try is not to be spent on a call that nobody waits for any more.
    if (context.IsCancelled()) return absl::CancelledError();
    auto response = reader_.TransmitPin(request.session(), *command);
    command->Wipe();
    WipeStackBelow();
    return response;
  }

  Reader& reader_;
  PinLane lane_;
  UnusedSessions unused_;
  std::atomic<bool> stopping_ = false;
};

}  // namespace

void SnapshotBoard::Publish(reader::v1::Snapshot snapshot) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (number_ > 0 && google::protobuf::util::MessageDifferencer::Equals(newest_, snapshot)) {
    return;
  }
  newest_ = std::move(snapshot);
  ++number_;
  changed_.notify_all();
}

uint64_t SnapshotBoard::WaitNewer(uint64_t seen, std::chrono::milliseconds timeout,
                                  reader::v1::Snapshot* snapshot) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (!changed_.wait_for(lock, timeout, [&] { return number_ > seen; })) return seen;
  *snapshot = newest_;
  return number_;
}

int Serve(Reader& reader) {
  ReaderService service(reader);
  return ServeOn(reader, v1::KIND_READER, service, [&] { service.Stop(); });
}

}  // namespace madoguchi::plugin
