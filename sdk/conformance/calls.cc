#include "sdk/conformance/calls.h"

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <thread>

#include "madoguchi/authority/v1/authority.grpc.pb.h"
#include "madoguchi/plugin/v1/plugin.grpc.pb.h"
#include "madoguchi/policy/v1/policy.grpc.pb.h"
#include "madoguchi/reader/v1/reader.grpc.pb.h"
#include "sdk/failure/failure.h"
#include "sdk/failure/grpc_status.h"

namespace madoguchi::conformance {
namespace {

using std::chrono::milliseconds;

// A call that has not been answered by then is being worked on.
constexpr milliseconds kUnderWay(300);

grpc::ClientContext* Within(grpc::ClientContext& context, milliseconds patience) {
  context.set_deadline(std::chrono::system_clock::now() + patience);
  return &context;
}

// Entries of a folder of /proc/PID; -1 when they cannot be counted.
int CountIn(pid_t pid, const char* folder) {
  std::error_code error;
  int count = 0;
  for (std::filesystem::directory_iterator at("/proc/" + std::to_string(pid) + "/" + folder, error);
       !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    ++count;
  }
  return error ? -1 : count;
}

std::string NameOfSignal(int signal) {
  const char* const name = sigabbrev_np(signal);
  return name == nullptr ? "signal " + std::to_string(signal) : std::string("SIG") + name;
}

}  // namespace

int ThreadsOf(pid_t pid) { return CountIn(pid, "task"); }

int DescriptorsOf(pid_t pid) { return CountIn(pid, "fd"); }

int AwaitThreads(pid_t pid, int most) {
  const auto until = std::chrono::steady_clock::now() + milliseconds(2000);
  int now;
  while ((now = ThreadsOf(pid)) > most && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  return now;
}

absl::StatusOr<plugin::v1::HelloReply> Hello(PluginProcess& process,
                                             const std::vector<uint32_t>& versions,
                                             milliseconds patience) {
  grpc::ClientContext context;
  plugin::v1::HelloRequest request;
  for (const uint32_t version : versions) request.add_host_version(version);
  plugin::v1::HelloReply reply;
  const absl::Status status = FromGrpc(plugin::v1::Plugin::NewStub(process.channel())
                                           ->Hello(Within(context, patience), request, &reply));
  if (!status.ok()) return status;
  return reply;
}

absl::Status Started(PluginProcess& process, const plugin::v1::StartRequest& settings,
                     milliseconds patience) {
  grpc::ClientContext context;
  plugin::v1::StartReply reply;
  return FromGrpc(plugin::v1::Plugin::NewStub(process.channel())
                      ->Start(Within(context, patience), settings, &reply));
}

absl::Status Health(PluginProcess& process, milliseconds patience) {
  grpc::ClientContext context;
  plugin::v1::HealthReply reply;
  return FromGrpc(plugin::v1::Plugin::NewStub(process.channel())
                      ->Health(Within(context, patience), plugin::v1::HealthRequest(), &reply));
}

absl::Status CallWith(PluginProcess& process, const std::string& method, const std::string& bytes,
                      milliseconds patience) {
  grpc::GenericStub stub(process.channel());
  grpc::ClientContext context;
  const grpc::Slice slice(bytes);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer reply;
  grpc::Status status;
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareUnaryCall(Within(context, patience), method, request, &queue);
  call->StartCall();
  call->Finish(&reply, &status, nullptr);
  void* tag;
  bool ok;
  queue.Next(&tag, &ok);
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  return FromGrpc(status);
}

std::string OwnMethod(plugin::v1::Kind kind) {
  switch (kind) {
    case plugin::v1::KIND_READER:
      return "/madoguchi.reader.v1.Reader/Close";
    case plugin::v1::KIND_POLICY:
      return "/madoguchi.policy.v1.Policy/Next";
    default:
      return "/madoguchi.authority.v1.Authority/Challenge";
  }
}

absl::Status Responds(PluginProcess& process, milliseconds patience) {
  if (process.Wait(milliseconds(0))) return absl::UnavailableError("the process has ended");
  absl::Status status = process.manifest().kind() == plugin::v1::KIND_AUTHORITY
                            ? Health(process, patience)
                            : CallWith(process, OwnMethod(process.manifest().kind()), "", patience);
  if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) return status;
  return absl::OkStatus();
}

struct LongCall::State {
  const std::chrono::steady_clock::time_point made = std::chrono::steady_clock::now();
  std::mutex mutex;
  std::condition_variable changed;
  bool begun = false;
  bool over = false;
  grpc::ClientContext* current = nullptr;
  std::thread thread;

  // Makes `context` the call to cancel; false when there is none to make any more.
  bool Enter(grpc::ClientContext* context) {
    std::lock_guard<std::mutex> lock(mutex);
    current = context;
    return !over;
  }
  void Leave() {
    std::lock_guard<std::mutex> lock(mutex);
    current = nullptr;
  }
  void Begun() {
    std::lock_guard<std::mutex> lock(mutex);
    begun = true;
    changed.notify_all();
  }

  void Watch(PluginProcess& process) {
    grpc::ClientContext context;
    if (Enter(&context)) {
      const auto stub = reader::v1::Reader::NewStub(process.channel());
      const auto stream = stub->Watch(&context, {});
      reader::v1::Snapshot snapshot;
      while (stream->Read(&snapshot)) Begun();
      stream->Finish();
    }
    Leave();
  }

  template <typename Call>
  void Again(const Call& call) {
    while (true) {
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
      const bool more = Enter(&context);
      const bool failed = more && !call(&context);
      Leave();
      Begun();
      if (!more) return;
      // One that refuses at once, or is gone, need not be asked ten thousand times a second.
      if (failed) std::this_thread::sleep_for(milliseconds(5));
    }
  }
};

LongCall::LongCall(PluginProcess& process) : state_(std::make_unique<State>()) {
  state_->thread = std::thread([&process, state = state_.get()] {
    switch (process.manifest().kind()) {
      case plugin::v1::KIND_READER:
        state->Watch(process);
        break;
      case plugin::v1::KIND_POLICY: {
        const auto stub = policy::v1::Policy::NewStub(process.channel());
        state->Again([&](grpc::ClientContext* context) {
          policy::v1::NextReply reply;
          return stub->Next(context, {}, &reply).ok();
        });
        break;
      }
      default: {
        const auto stub = authority::v1::Authority::NewStub(process.channel());
        authority::v1::ChallengeRequest request;
        request.set_check_id(std::string(32, '0'));
        state->Again([&](grpc::ClientContext* context) {
          authority::v1::ChallengeReply reply;
          return stub->Challenge(context, request, &reply).ok();
        });
        break;
      }
    }
    state->Begun();
  });
}

LongCall::~LongCall() {
  Cancel();
  state_->thread.join();
}

void LongCall::AwaitBegun() {
  std::unique_lock<std::mutex> lock(state_->mutex);
  state_->changed.wait_until(lock, state_->made + kUnderWay, [&] { return state_->begun; });
}

void LongCall::Cancel() {
  std::lock_guard<std::mutex> lock(state_->mutex);
  state_->over = true;
  if (state_->current != nullptr) state_->current->TryCancel();
}

std::string Milliseconds(std::chrono::steady_clock::duration taken) {
  return std::to_string(std::chrono::duration_cast<milliseconds>(taken).count()) + " ms";
}

std::string Words(const absl::Status& status) {
  if (status.ok()) return "OK";
  const FailureCode code = CodeOf(status);
  std::string words = absl::StatusCodeToString(status.code());
  if (code != check::v1::FAILURE_CODE_UNSPECIFIED) words += " " + NameOf(code);
  return words + ": " + std::string(status.message());
}

std::string Words(std::optional<int> status) {
  if (!status) return "it did not end";
  if (*status > 128) return std::string("it was killed by ") + NameOfSignal(*status - 128);
  return "it ended with status " + std::to_string(*status);
}

}  // namespace madoguchi::conformance
