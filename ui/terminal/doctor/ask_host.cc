#include <chrono>
#include <ctime>
#include <future>
#include <vector>

#include "madoguchi/desk/v1/desk.grpc.pb.h"
#include "sdk/failure/failure.h"
#include "ui/terminal/doctor/look.h"
#include "ui/terminal/remote_desk.h"

namespace madoguchi::terminal::doctor {
namespace {

using desk::v1::Desk;

// A host that has not even said its version by then hangs.
constexpr std::chrono::seconds kPatienceForHost(5);
// A look at a card takes six seconds at the most; the authority is waited for as long as a check
// would wait.
constexpr std::chrono::seconds kPatience(20);
// A host has room for four errands at once (host/check/errands.h), and the question to the
// authority is one of them.
constexpr size_t kAtOnce = 3;

class Caller {
 public:
  Caller(const std::shared_ptr<grpc::Channel>& channel, std::string address)
      : stub_(Desk::NewStub(channel)), address_(std::move(address)) {}

  // `method` takes stub, context and reply. A host that does not know the call is UNIMPLEMENTED,
  // one that has not answered within `patience` DEADLINE_EXCEEDED.
  template <typename Reply, typename Method>
  absl::StatusOr<Reply> Call(const Method& method,
                             std::chrono::seconds patience = kPatience) const {
    grpc::ClientContext call;
    call.set_deadline(std::chrono::system_clock::now() + patience);
    Reply reply;
    const absl::Status status = StatusOf(method(stub_.get(), &call, &reply));
    if (!status.ok()) return status;
    return reply;
  }

  absl::StatusOr<desk::v1::ReaderTable> Readers() const {
    grpc::ClientContext call;
    call.set_deadline(std::chrono::system_clock::now() + kPatience);
    const auto stream = stub_->WatchReaders(&call, {});
    desk::v1::ReaderTable table;
    const bool told = stream->Read(&table);
    if (told) call.TryCancel();  // else it ends by itself, and says why
    const grpc::Status status = stream->Finish();
    if (told) return table;
    return StatusOf(status);
  }

  absl::StatusOr<desk::v1::CardKind> Look(const std::string& reader) const {
    const auto reply = Call<desk::v1::LookAtCardReply>([&](auto* stub, auto* call, auto* looked) {
      desk::v1::LookAtCardRequest request;
      request.set_reader(reader);
      return stub->LookAtCard(call, request, looked);
    });
    if (!reply.ok()) return reply.status();
    return reply->card();
  }

 private:
  absl::Status StatusOf(const grpc::Status& status) const {
    if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
      return absl::UnimplementedError("an older host");
    }
    const absl::Status ours = CallStatus(status, address_);
    return CodeOf(ours) == check::v1::FAILURE_CODE_HOST_UNREACHABLE &&
                   status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED
               ? absl::DeadlineExceededError(ours.message())
               : ours;
  }

  const std::unique_ptr<Desk::Stub> stub_;
  const std::string address_;
};

void LookAtCards(const Caller& caller, HostSeen* seen) {
  std::vector<std::string> places;
  for (const auto& row : seen->readers->reader()) {
    const std::string place = row.plugin() + "/" + row.state().name();
    if (row.state().presence() != reader::v1::PRESENCE_PRESENT) continue;
    if (row.card() != desk::v1::CARD_KIND_UNSPECIFIED) {
      seen->cards.emplace(place, row.card());
    } else if (!row.taken() && !row.state().busy()) {
      places.push_back(place);
    }
  }
  for (size_t at = 0; at < places.size(); at += kAtOnce) {
    std::map<std::string, std::future<absl::StatusOr<desk::v1::CardKind>>> looks;
    for (size_t i = at; i < std::min(at + kAtOnce, places.size()); ++i) {
      looks[places[i]] = std::async(std::launch::async,
                                    [&caller, place = places[i]] { return caller.Look(place); });
    }
    for (auto& [place, look] : looks) seen->cards.emplace(place, look.get());
  }
}

}  // namespace

HostSeen AskHost(screen::DeskConnection& connection) {
  HostSeen seen;
  seen.address = connection.address();
  seen.local = connection.local();
  const auto channel = connection.Channel();
  if (!channel.ok()) {
    seen.host = channel.status();
    return seen;
  }
  seen.connected = connection.local();
  const Caller caller(*channel, connection.address());
  seen.host = caller.Call<desk::v1::GetHostReply>(
      [](auto* stub, auto* call, auto* reply) { return stub->GetHost(call, {}, reply); },
      kPatienceForHost);
  if (!seen.host.ok()) return seen;
  seen.told_at = std::time(nullptr);
  // Beside all else: it may be slow.
  auto authority = std::async(std::launch::async, [&caller] {
    return caller.Call<desk::v1::ProbeAuthorityReply>(
        [](auto* stub, auto* call, auto* reply) { return stub->ProbeAuthority(call, {}, reply); });
  });
  seen.plugins = caller.Call<desk::v1::ListPluginsReply>(
      [](auto* stub, auto* call, auto* reply) { return stub->ListPlugins(call, {}, reply); });
  seen.readers = caller.Readers();
  seen.counters = caller.Call<desk::v1::ListCountersReply>(
      [](auto* stub, auto* call, auto* reply) { return stub->ListCounters(call, {}, reply); });
  if (seen.readers.ok()) LookAtCards(caller, &seen);
  seen.authority = authority.get();
  return seen;
}

}  // namespace madoguchi::terminal::doctor
