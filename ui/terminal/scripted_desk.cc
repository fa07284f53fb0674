#include "ui/terminal/scripted_desk.h"

#include <grpcpp/server_builder.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "sdk/failure/failure.h"
#include "sdk/failure/grpc_status.h"

namespace madoguchi::terminal {

using check::v1::Role;
using check::v1::ROLE_PATIENT;
using check::v1::ROLE_STAFF;
using desk::v1::View;

ScriptedDesk::ScriptedDesk(Script script)
    : roles({ROLE_STAFF, ROLE_PATIENT}), script_(std::move(script)) {
  std::string folder = "/tmp/madoguchi_terminal_XXXXXX";
  folder_ = mkdtemp(folder.data());
  path_ = folder_ + "/desk.sock";
  Idle();
  Start();
}

ScriptedDesk::~ScriptedDesk() {
  Stop();
  unlink(path_.c_str());
  rmdir(folder_.c_str());
}

void ScriptedDesk::Start() {
  stopping_ = false;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + path_, grpc::InsecureServerCredentials());
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  if (!server_) std::abort();
}

void ScriptedDesk::Stop() {
  if (!server_) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  // Calls under way may end; streams end because of stopping_.
  server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
  server_->Wait();
  server_.reset();
}

void ScriptedDesk::Put(Role role, View view) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    view.set_counter("trial");
    view.set_role(role);
    view.set_revision(++revision_);
    if (view.stage() != desk::v1::STAGE_IDLE) view.set_check_id(kCheckId);
    views_[role] = std::move(view);
  }
  changed_.notify_all();
}

void ScriptedDesk::PutStage(desk::v1::Stage stage) {
  View view;
  view.set_stage(stage);
  if (stage == desk::v1::STAGE_IDLE) {
    Put(ROLE_PATIENT, view);
    view.add_allowed(desk::v1::REPLY_KIND_BEGIN);
    Put(ROLE_STAFF, view);
    return;
  }
  view.add_allowed(desk::v1::REPLY_KIND_CANCEL);
  Put(ROLE_PATIENT, view);
  Put(ROLE_STAFF, view);
}

void ScriptedDesk::Idle() { PutStage(desk::v1::STAGE_IDLE); }

void ScriptedDesk::Ask(Role role, desk::v1::Stage stage, desk::v1::ReplyKind kind, View view) {
  uint64_t question;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    question = ++question_;
  }
  View other;
  other.set_stage(stage);
  other.set_question(question);
  other.add_allowed(desk::v1::REPLY_KIND_CANCEL);
  Put(role == ROLE_STAFF ? ROLE_PATIENT : ROLE_STAFF, other);
  view.set_stage(stage);
  view.set_question(question);
  view.add_allowed(kind);
  view.add_allowed(desk::v1::REPLY_KIND_CANCEL);
  Put(role, view);
}

void ScriptedDesk::AskPin(bool rejected, int tries_left, const std::string& signature) {
  View view;
  auto key = *PromptKey::Make();
  auto* const prompt = view.mutable_pin_prompt();
  prompt->set_prompt_id(key->prompt_id());
  prompt->set_public_key(key->public_key());
  prompt->set_signature(signature);
  prompt->mutable_form()->set_shortest(4);
  prompt->mutable_form()->set_longest(4);
  prompt->mutable_form()->set_digits(true);
  view.set_pin_rejected(rejected);
  if (tries_left >= 0) view.set_tries_left(tries_left);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    key_ = std::move(key);
  }
  Ask(ROLE_PATIENT, desk::v1::STAGE_ASK_PIN, desk::v1::REPLY_KIND_PIN, view);
}

std::string ScriptedDesk::Open(const desk::v1::Reply& reply) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto pin = key_->Open(reply.pin(), kCheckId);
  if (!pin.ok()) return "";
  return {pin->bytes().begin(), pin->bytes().end()};
}

void ScriptedDesk::Finish(check::v1::Outcome outcome, FailureCode code) {
  View view;
  view.set_stage(desk::v1::STAGE_DONE);
  Put(ROLE_PATIENT, view);
  view.add_allowed(desk::v1::REPLY_KIND_CLOSE);
  view.set_card(desk::v1::CARD_PLACE_TAKE_AWAY);
  auto* const verdict = view.mutable_verdict();
  verdict->set_outcome(outcome);
  verdict->set_check_id(kCheckId);
  if (code != check::v1::FAILURE_CODE_UNSPECIFIED) *verdict->mutable_failure() = Describe(code);
  if (outcome == check::v1::OUTCOME_ELIGIBLE) {
    verdict->set_validity(check::v1::VALIDITY_VALID);
    verdict->mutable_eligibility()->set_name("試験　花子");
  }
  Put(ROLE_STAFF, view);
}

std::vector<desk::v1::Reply::KindCase> ScriptedDesk::replies() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return replies_;
}

grpc::Status ScriptedDesk::Watch(grpc::ServerContext* call, const desk::v1::WatchRequest* request,
                                 grpc::ServerWriter<View>* writer) {
  ++watches;
  if (refusal != check::v1::FAILURE_CODE_UNSPECIFIED) return ToGrpc(FailureStatus(refusal));
  std::unique_lock<std::mutex> lock(mutex_);
  for (uint64_t seen = 0;;) {
    const View view = views_[request->role()];
    if (view.revision() != seen) {
      seen = view.revision();
      lock.unlock();
      if (!writer->Write(view)) return grpc::Status::OK;
      lock.lock();
      continue;
    }
    if (stopping_ || call->IsCancelled()) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "");
    changed_.wait_for(lock, std::chrono::milliseconds(20));  // A cancelled call notifies nobody.
  }
}

grpc::Status ScriptedDesk::Send(grpc::ServerContext*, const desk::v1::SendRequest* request,
                                desk::v1::SendReply* reply) {
  const desk::v1::Reply& said = request->reply();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    replies_.push_back(said.kind_case());
  }
  reply->set_check_id(kCheckId);
  if (said.has_close()) {
    Idle();
    return grpc::Status::OK;
  }
  if (said.has_cancel()) {
    Finish(check::v1::OUTCOME_CANNOT_TELL, check::v1::FAILURE_CODE_CANCELLED);
    return grpc::Status::OK;
  }
  return ToGrpc(script_(said));
}

grpc::Status ScriptedDesk::WatchReaders(grpc::ServerContext*, const desk::v1::WatchReadersRequest*,
                                        grpc::ServerWriter<desk::v1::ReaderTable>* writer) {
  if (refusal != check::v1::FAILURE_CODE_UNSPECIFIED) return ToGrpc(FailureStatus(refusal));
  writer->Write({});
  return grpc::Status::OK;
}

grpc::Status ScriptedDesk::ListCounters(grpc::ServerContext*, const desk::v1::ListCountersRequest*,
                                        desk::v1::ListCountersReply* reply) {
  for (const std::string& counter : counters) reply->add_counter(counter);
  return grpc::Status::OK;
}

grpc::Status ScriptedDesk::InspectPlugin(grpc::ServerContext*,
                                         const desk::v1::InspectPluginRequest*,
                                         desk::v1::InspectPluginReply* reply) {
  *reply = inspect();
  return grpc::Status::OK;
}

grpc::Status ScriptedDesk::ApprovePlugin(grpc::ServerContext*,
                                         const desk::v1::ApprovePluginRequest* request,
                                         desk::v1::ApprovePluginReply*) {
  approve(*request);
  return grpc::Status::OK;
}

grpc::Status ScriptedDesk::RemoveDevice(grpc::ServerContext*, const desk::v1::RemoveDeviceRequest*,
                                        desk::v1::RemoveDeviceReply*) {
  return remove_device();
}

grpc::Status ScriptedDesk::GetHost(grpc::ServerContext* call, const desk::v1::GetHostRequest*,
                                   desk::v1::GetHostReply* reply) {
  while (silent && !call->IsCancelled()) std::this_thread::yield();
  for (const Role role : roles) reply->add_role(role);
  return grpc::Status::OK;
}

}  // namespace madoguchi::terminal
