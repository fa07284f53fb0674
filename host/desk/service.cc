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

grpc::ServerUnaryReactor* DeskService::ListPlugins(grpc::CallbackServerContext* context,
                                                   const desk::v1::ListPluginsRequest*,
                                                   desk::v1::ListPluginsReply* reply) {
  const absl::Status admitted = Admit(*context, {ROLE_STAFF, ROLE_ADMIN});
  if (!admitted.ok()) return Finished(context, admitted);
  const bool admin = Admit(*context, {ROLE_ADMIN}).ok();
  for (const desk::v1::PluginRow& row : house_.plugins->List()) {
    desk::v1::PluginRow& shown = *reply->add_plugin();
    shown = row;
    if (admin) continue;
    shown.clear_log();
    shown.clear_incident();
  }
  for (const std::string& lack : house_.plugins->JailLacks()) reply->add_jail_lacks(lack);
  return Finished(context, absl::OkStatus());
}

grpc::ServerUnaryReactor* DeskService::InspectPlugin(grpc::CallbackServerContext* context,
                                                     const desk::v1::InspectPluginRequest* request,
                                                     desk::v1::InspectPluginReply* reply) {
  if (absl::Status admitted = Admit(*context, {ROLE_ADMIN}); !admitted.ok()) {
    return Finished(context, admitted);
  }
  auto inspected = house_.plugins->Inspect(request->name());
  if (inspected.ok()) *reply = *std::move(inspected);
  return Finished(context, inspected.status());
}

grpc::ServerUnaryReactor* DeskService::ApprovePlugin(grpc::CallbackServerContext* context,
                                                     const desk::v1::ApprovePluginRequest* request,
                                                     desk::v1::ApprovePluginReply*) {
  if (absl::Status admitted = Admit(*context, {ROLE_ADMIN}); !admitted.ok()) {
    return Finished(context, admitted);
  }
  const auto caller = callers_.Identify(*context);
  if (!caller.ok()) return Finished(context, caller.status());
  return Finished(context, house_.plugins->Approve(*request, caller->name, UtcNow()));
}

grpc::ServerUnaryReactor* DeskService::RevokePlugin(grpc::CallbackServerContext* context,
                                                    const desk::v1::RevokePluginRequest* request,
                                                    desk::v1::RevokePluginReply*) {
  absl::Status done = Admit(*context, {ROLE_ADMIN});
  if (done.ok()) done = house_.plugins->Revoke(request->name());
  return Finished(context, done);
}

grpc::ServerUnaryReactor* DeskService::RestartPlugin(grpc::CallbackServerContext* context,
                                                     const desk::v1::RestartPluginRequest* request,
                                                     desk::v1::RestartPluginReply*) {
  absl::Status done = Admit(*context, {ROLE_ADMIN});
  if (done.ok()) done = house_.plugins->Restart(request->name());
  return Finished(context, done);
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

grpc::ServerUnaryReactor* DeskService::AddDevice(grpc::CallbackServerContext* context,
                                                 const desk::v1::AddDeviceRequest* request,
                                                 desk::v1::AddDeviceReply* reply) {
  const auto add = [&]() -> absl::Status {
    if (absl::Status admitted = Admit(*context, {ROLE_ADMIN}); !admitted.ok()) return admitted;
    if (!IsDeviceRole(request->role())) {
      return FailureStatus(FAILURE_CODE_REQUEST_INVALID, "a device is for staff, patient or admin");
    }
    const auto certificate = house_.keys->CertifyDevice(request->certificate_request(),
                                                        request->name(), request->role());
    if (!certificate.ok()) {
      return FailureStatus(FAILURE_CODE_REQUEST_INVALID,
                           std::string(certificate.status().message()));
    }
    desk::v1::Device device;
    device.set_name(request->name());
    device.set_role(request->role());
    device.set_certificate_sha256(FingerprintOf(*certificate));
    device.set_added(UtcNow());
    if (absl::Status added = house_.devices->Add(device); !added.ok()) return added;
    reply->set_certificate_pem(*certificate);
    reply->set_host_ca_pem(house_.keys->ca_pem());
    reply->set_host_public_key(house_.keys->public_key());
    reply->set_address(house_.address);
    return absl::OkStatus();
  };
  return Finished(context, add());
}

grpc::ServerUnaryReactor* DeskService::ListDevices(grpc::CallbackServerContext* context,
                                                   const desk::v1::ListDevicesRequest*,
                                                   desk::v1::ListDevicesReply* reply) {
  const absl::Status admitted = Admit(*context, {ROLE_ADMIN});
  if (admitted.ok()) *reply->mutable_device() = house_.devices->List().device();
  return Finished(context, admitted);
}

grpc::ServerUnaryReactor* DeskService::RemoveDevice(grpc::CallbackServerContext* context,
                                                    const desk::v1::RemoveDeviceRequest* request,
                                                    desk::v1::RemoveDeviceReply*) {
  const absl::Status admitted = Admit(*context, {ROLE_ADMIN});
  if (!admitted.ok()) return Finished(context, admitted);
  const absl::Status removed = house_.devices->Remove(request->name());
  if (CodeOf(removed) != FAILURE_CODE_DEVICE_UNKNOWN) return Finished(context, removed);
  // Not the caller is unknown here but the device that it named.
  grpc::Status status = ToScreen(removed);
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  reactor->Finish(
      grpc::Status(grpc::StatusCode::NOT_FOUND, status.error_message(), status.error_details()));
  return reactor;
}

}  // namespace madoguchi
