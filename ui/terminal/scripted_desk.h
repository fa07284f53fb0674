#ifndef MADOGUCHI_UI_TERMINAL_SCRIPTED_DESK_H_
#define MADOGUCHI_UI_TERMINAL_SCRIPTED_DESK_H_

#include <grpcpp/server.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "madoguchi/desk/v1/desk.grpc.pb.h"
#include "sdk/secret/seal.h"

namespace madoguchi::terminal {

// For tests: a desk.v1 server on a Unix socket that shows what a test puts and hands every reply to
// the test's script. Thread-safe.
class ScriptedDesk final : public desk::v1::Desk::Service {
 public:
  // Runs in the call; it may Put and Ask. Its status is the call's.
  using Script = std::function<absl::Status(const desk::v1::Reply&)>;
  static constexpr char kCheckId[] = "00112233445566778899aabbccddeeff";

  explicit ScriptedDesk(Script script);
  ~ScriptedDesk() override;

  const std::string& socket_path() const { return path_; }
  // The host that dies, and the host that is started again at the same path.
  void Stop();
  void Start();

  // Shows `view` to its role; counter, check id and revision are filled in. Empty check id: idle.
  void Put(check::v1::Role role, desk::v1::View view);
  // Shows both roles a stage of the check, with no question.
  void PutStage(desk::v1::Stage stage);
  // A question for `role` with the next number; the other role sees the stage.
  void Ask(check::v1::Role role, desk::v1::Stage stage, desk::v1::ReplyKind kind,
           desk::v1::View view = {});
  // Asks the patient for four digits, sealed to a fresh key, signed by `signature`.
  void AskPin(bool rejected = false, int tries_left = -1, const std::string& signature = "");
  // The PIN in `reply`, for comparing with synthetic ones.
  std::string Open(const desk::v1::Reply& reply);
  // The staff see `verdict`, the patient the end.
  void Finish(check::v1::Outcome outcome,
              check::v1::FailureCode code = check::v1::FAILURE_CODE_UNSPECIFIED);
  void Idle();

  // The kinds of all replies so far, in order.
  std::vector<desk::v1::Reply::KindCase> replies() const;
  std::atomic<bool> silent = false;  // GetHost answers only when its caller has given up
  // With what Watch and WatchReaders end at once, when it is a code; and how often Watch was
  // called.
  std::atomic<check::v1::FailureCode> refusal = check::v1::FAILURE_CODE_UNSPECIFIED;
  std::atomic<int> watches = 0;
  std::vector<std::string> counters = {"trial"};
  // What the admin's calls answer; set before the client comes.
  std::function<desk::v1::InspectPluginReply()> inspect;
  std::function<void(const desk::v1::ApprovePluginRequest&)> approve;
  std::function<grpc::Status()> remove_device;
  std::vector<check::v1::Role> roles;  // what GetHost grants; set before the client comes

 private:
  grpc::Status Watch(grpc::ServerContext* call, const desk::v1::WatchRequest* request,
                     grpc::ServerWriter<desk::v1::View>* writer) override;
  grpc::Status WatchReaders(grpc::ServerContext*, const desk::v1::WatchReadersRequest*,
                            grpc::ServerWriter<desk::v1::ReaderTable>* writer) override;
  grpc::Status Send(grpc::ServerContext*, const desk::v1::SendRequest* request,
                    desk::v1::SendReply* reply) override;
  grpc::Status ListCounters(grpc::ServerContext*, const desk::v1::ListCountersRequest*,
                            desk::v1::ListCountersReply* reply) override;
  grpc::Status InspectPlugin(grpc::ServerContext*, const desk::v1::InspectPluginRequest*,
                             desk::v1::InspectPluginReply* reply) override;
  grpc::Status ApprovePlugin(grpc::ServerContext*, const desk::v1::ApprovePluginRequest* request,
                             desk::v1::ApprovePluginReply*) override;
  grpc::Status RemoveDevice(grpc::ServerContext*, const desk::v1::RemoveDeviceRequest*,
                            desk::v1::RemoveDeviceReply*) override;
  grpc::Status GetHost(grpc::ServerContext* call, const desk::v1::GetHostRequest*,
                       desk::v1::GetHostReply* reply) override;

  const Script script_;
  std::string folder_, path_;
  std::unique_ptr<grpc::Server> server_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  uint64_t revision_ = 0;
  uint64_t question_ = 0;
  std::map<check::v1::Role, desk::v1::View> views_;
  std::unique_ptr<PromptKey> key_;
  std::vector<desk::v1::Reply::KindCase> replies_;
};

}  // namespace madoguchi::terminal

#endif  // MADOGUCHI_UI_TERMINAL_SCRIPTED_DESK_H_
