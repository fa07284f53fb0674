#include "host/loader/pulse.h"

#include <grpcpp/client_context.h>

#include <future>

#include "madoguchi/plugin/v1/plugin.grpc.pb.h"

namespace madoguchi {

// Blocks a thread of its own: the callbacks of gRPC 1.51's clients abort the process now and then
// when their channel ends ("assertion failed: prior > 0" in its nexting_thread).
struct Pulse::Question {
  grpc::ClientContext context;
  std::future<grpc::Status> answer;
};

Pulse::Pulse(std::shared_ptr<grpc::Channel> channel, const Limits& limits)
    : channel_(std::move(channel)), limits_(limits) {}

Pulse::~Pulse() {
  if (!question_) return;
  question_->context.TryCancel();
  question_->answer.wait();
}

void Pulse::Beat(Time now) {
  if (question_) {
    if (question_->answer.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
    const grpc::Status status = question_->answer.get();
    const bool silent = status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
    silences_ = silent ? silences_ + 1 : 0;
    if (!silent) ailment_ = status.ok() ? "" : status.error_message();
    question_.reset();
  }
  if (now < next_) return;
  next_ = now + limits_.period;
  question_ = std::make_unique<Question>();
  question_->context.set_deadline(std::chrono::system_clock::now() + limits_.answer);
  question_->answer = std::async(std::launch::async, [this, question = question_.get()] {
    plugin::v1::HealthReply reply;
    return plugin::v1::Plugin::NewStub(channel_)->Health(&question->context,
                                                         plugin::v1::HealthRequest(), &reply);
  });
}

bool Pulse::IsStill() const { return silences_ >= limits_.silences; }

std::string Pulse::ailment() const { return ailment_; }

}  // namespace madoguchi
