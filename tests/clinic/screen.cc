#include "tests/clinic/screen.h"

#include "sdk/failure/failure.h"
#include "sdk/failure/grpc_status.h"
#include "sdk/secret/seal.h"

namespace madoguchi::clinic {
namespace {

using desk::v1::View;

constexpr std::chrono::seconds kPatience(20);

}  // namespace

Screen::Screen(std::shared_ptr<grpc::Channel> channel, std::string counter, check::v1::Role role)
    : counter_(std::move(counter)),
      role_(role),
      channel_(std::move(channel)),
      stub_(desk::v1::Desk::NewStub(channel_)),
      reader_([this] {
        desk::v1::WatchRequest request;
        request.set_counter(counter_);
        request.set_role(role_);
        const auto stream = stub_->Watch(&context_, request);
        View view;
        while (stream->Read(&view)) {
          std::lock_guard<std::mutex> lock(mutex_);
          view_ = view;
          changed_.notify_all();
        }
        const absl::Status status = FromGrpc(stream->Finish());
        std::lock_guard<std::mutex> lock(mutex_);
        ended_ = status;
        changed_.notify_all();
      }) {}

Screen::~Screen() {
  context_.TryCancel();
  reader_.join();
}

View Screen::Await(const std::function<bool(const View&)>& pleases,
                   std::chrono::milliseconds patience) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait_for(lock, patience,
                    [&] { return ended_ || (view_.revision() > 0 && pleases(view_)); });
  return view_;
}

View Screen::AwaitStage(desk::v1::Stage stage) {
  return Await([&](const View& view) { return view.stage() == stage; });
}

check::v1::Verdict Screen::AwaitVerdict() {
  return Await([](const View& view) { return view.stage() == desk::v1::STAGE_DONE; }).verdict();
}

absl::Status Screen::Send(desk::v1::Reply reply) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    reply.set_counter(counter_);
    reply.set_role(role_);
    if (!reply.has_begin() && reply.check_id().empty()) reply.set_check_id(view_.check_id());
    if (reply.question() == 0) reply.set_question(view_.question());
  }
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  desk::v1::SendRequest request;
  *request.mutable_reply() = std::move(reply);
  desk::v1::SendReply answer;
  return FromGrpc(stub_->Send(&context, request, &answer));
}

absl::Status Screen::Begin(const std::string& method) {
  AwaitStage(desk::v1::STAGE_IDLE);
  desk::v1::Reply reply;
  reply.mutable_begin()->set_method(method);
  return Send(reply);
}

absl::Status Screen::Pin(const std::string& pin) {
  View view;
  absl::Status status;
  // A prompt of the check before may still stand here: what is overtaken is looked at again.
  do {
    const View before = view;
    const auto is_prompt = [&](const View& v) {
      return v.has_pin_prompt() && v.question() != 0 && v.revision() > before.revision() &&
             v.pin_prompt().prompt_id() != before.pin_prompt().prompt_id();
    };
    view = Await(is_prompt);
    if (!status.ok() && !is_prompt(view)) return status;
    status = SendPin(pin, view);
  } while (CodeOf(status) == check::v1::FAILURE_CODE_REPLY_STALE);
  return status;
}

absl::Status Screen::SendPin(const std::string& pin, const View& view) {
  auto secret = Secret::OfSize(pin.size());
  if (!secret.ok()) return secret.status();
  std::copy(pin.begin(), pin.end(), secret->bytes().begin());
  auto sealed = SealPin(*secret, view.pin_prompt(), view.check_id());
  if (!sealed.ok()) return sealed.status();
  desk::v1::Reply reply;
  *reply.mutable_pin() = *std::move(sealed);
  reply.set_check_id(view.check_id());
  reply.set_question(view.question());
  return Send(reply);
}

absl::Status Screen::Cancel() {
  // A screen cancels the check that it shows: another screen may have been shown it first.
  Await([](const View& view) { return !view.check_id().empty(); });
  desk::v1::Reply reply;
  reply.mutable_cancel();
  return Send(reply);
}

absl::Status Screen::Close() {
  const std::string check = AwaitStage(desk::v1::STAGE_DONE).check_id();
  desk::v1::Reply reply;
  reply.mutable_close();
  const absl::Status status = Send(reply);
  if (status.ok()) Await([&](const View& view) { return view.check_id() != check; });
  return status;
}

std::optional<absl::Status> Screen::ended() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return ended_;
}

}  // namespace madoguchi::clinic
