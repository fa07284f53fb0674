#include "host/desk/service.h"

#include "host/desk/stream.h"
#include "host/utc_now.h"
#include "host/version.h"
#include "sdk/failure/failure.h"

namespace madoguchi {
namespace {

using namespace check::v1;  // NOLINT: roles and codes.

grpc::ServerUnaryReactor* Finished(grpc::CallbackServerContext* context,
                                   const absl::Status& status) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  reactor->Finish(ToScreen(status));
  return reactor;
}

}  // namespace

absl::Status DeskService::Admit(const grpc::ServerContextBase& context,
                                const std::set<Role>& roles) const {
  const auto caller = callers_.Identify(context);
  if (!caller.ok()) return caller.status();
  for (const Role role : roles) {
    if (caller->roles.count(role) > 0) return absl::OkStatus();
  }
  return FailureStatus(FAILURE_CODE_ROLE_FORBIDDEN, caller->name);
}

absl::StatusOr<Counter*> DeskService::CounterOf(const std::string& name) const {
  if (name.empty() && house_.counters.size() == 1) return house_.counters.begin()->second.get();
  const auto found = house_.counters.find(name);
  if (found == house_.counters.end()) return FailureStatus(FAILURE_CODE_COUNTER_UNKNOWN, name);
  return found->second.get();
}

grpc::ServerWriteReactor<desk::v1::View>* DeskService::Watch(
    grpc::CallbackServerContext* context, const desk::v1::WatchRequest* request) {
  const auto counter = CounterOf(request->counter());
  const Role role = request->role();
  const auto stream = NewestStream<desk::v1::View>::Make(
      [this, counter, role, context](desk::v1::View* view) -> absl::StatusOr<uint64_t> {
        // Asked anew for each view: a device that was removed sees no further one.
        if (absl::Status admitted = Admit(*context, {role}); !admitted.ok()) return admitted;
        if (!counter.ok()) return counter.status();
        return (*counter)->View(role, view);
      });
  if (counter.ok()) (*counter)->Tell(stream->listener());
  house_.devices->Tell(stream->listener());
  stream->Push();
  return stream.get();
}

grpc::ServerUnaryReactor* DeskService::Send(grpc::CallbackServerContext* context,
                                            const desk::v1::SendRequest* request,
                                            desk::v1::SendReply* reply) {
  const Role role = request->reply().role();
  if (absl::Status admitted = Admit(*context, {role}); !admitted.ok()) {
    return Finished(context, admitted);
  }
  const auto counter = CounterOf(request->reply().counter());
  if (!counter.ok()) return Finished(context, counter.status());
  const auto check_id = (*counter)->Send(request->reply(), role);
  if (check_id.ok()) reply->set_check_id(*check_id);
  return Finished(context, check_id.status());
}

grpc::ServerUnaryReactor* DeskService::ListCounters(grpc::CallbackServerContext* context,
                                                    const desk::v1::ListCountersRequest*,
                                                    desk::v1::ListCountersReply* reply) {
  const absl::Status admitted = Admit(*context, {ROLE_STAFF, ROLE_PATIENT, ROLE_ADMIN});
  if (admitted.ok()) {
    const bool patient = !Admit(*context, {ROLE_STAFF, ROLE_ADMIN}).ok();
    for (const auto& [name, counter] : house_.counters) {
      reply->add_counter(name);
      if (patient) continue;
      desk::v1::CounterRow& row = *reply->add_row();
      row.set_name(name);
      for (const std::string& reader : counter->readers().named()) row.add_reader(reader);
    }
  }
  return Finished(context, admitted);
}

grpc::ServerWriteReactor<desk::v1::ReaderTable>* DeskService::WatchReaders(
    grpc::CallbackServerContext* context, const desk::v1::WatchReadersRequest*) {
  const auto stream = NewestStream<desk::v1::ReaderTable>::Make(
      [this, context](desk::v1::ReaderTable* table) -> absl::StatusOr<uint64_t> {
        const absl::Status admitted = Admit(*context, {ROLE_STAFF, ROLE_ADMIN});
        if (!admitted.ok()) return admitted;
        const uint64_t revision = house_.readers->revision();
        *table = house_.readers->Rows();
        return revision;
      });
  house_.readers->Tell(stream->listener());
  house_.devices->Tell(stream->listener());
  stream->Push();
  return stream.get();
}

grpc::ServerUnaryReactor* DeskService::GetHost(grpc::CallbackServerContext* context,
                                               const desk::v1::GetHostRequest*,
                                               desk::v1::GetHostReply* reply) {
  const auto caller = callers_.Identify(*context);
  if (!caller.ok()) return Finished(context, caller.status());
  reply->set_version(kVersion);
  reply->set_host_id(house_.host_id);
  reply->set_host_public_key(house_.keys->public_key());
  reply->set_time(UtcNow());
  reply->set_ca_not_before(house_.keys->ca_not_before());
  reply->set_ca_not_after(house_.keys->ca_not_after());
  for (const Role role : caller->roles) reply->add_role(role);
  return Finished(context, absl::OkStatus());
}

grpc::ServerUnaryReactor* DeskService::ListDevices(grpc::CallbackServerContext* context,
                                                   const desk::v1::ListDevicesRequest*,
                                                   desk::v1::ListDevicesReply* reply) {
  const absl::Status admitted = Admit(*context, {ROLE_ADMIN});
  if (admitted.ok()) *reply->mutable_device() = house_.devices->List().device();
  return Finished(context, admitted);
}

}  // namespace madoguchi
