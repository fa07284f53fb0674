// The calls that touch files, those in plugins' folders above all: answered one after the other
// from the clerk's thread.
#include <string>
#include <utility>

#include "host/desk/service.h"
#include "host/utc_now.h"
#include "sdk/failure/failure.h"
#include "sdk/failure/grpc_status.h"

namespace madoguchi {

using namespace check::v1;  // NOLINT: roles and codes.

grpc::ServerUnaryReactor* DeskService::ByClerk(grpc::CallbackServerContext* context,
                                               const std::set<Role>& roles,
                                               std::function<grpc::Status()> answer) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  absl::Status admitted = Admit(*context, roles);
  if (admitted.ok()) {
    const bool taken = house_.clerk->Take([reactor, answer = std::move(answer)](bool stopping) {
      reactor->Finish(stopping ? ToScreen(FailureStatus(FAILURE_CODE_HOST_STOPPING)) : answer());
    });
    if (taken) return reactor;
    admitted = house_.clerk->stopping()
                   ? FailureStatus(FAILURE_CODE_HOST_STOPPING)
                   : absl::ResourceExhaustedError("too many such calls at once");
  }
  reactor->Finish(ToScreen(admitted));
  return reactor;
}

grpc::ServerUnaryReactor* DeskService::ListPlugins(grpc::CallbackServerContext* context,
                                                   const desk::v1::ListPluginsRequest*,
                                                   desk::v1::ListPluginsReply* reply) {
  const bool admin = Admit(*context, {ROLE_ADMIN}).ok();
  return ByClerk(context, {ROLE_STAFF, ROLE_ADMIN}, [this, admin, reply] {
    for (const desk::v1::PluginRow& row : house_.plugins->List()) {
      desk::v1::PluginRow& shown = *reply->add_plugin();
      shown = row;
      if (admin) continue;
      shown.clear_log();
      shown.clear_incident();
    }
    for (const std::string& lack : house_.plugins->JailLacks()) reply->add_jail_lacks(lack);
    return grpc::Status::OK;
  });
}

grpc::ServerUnaryReactor* DeskService::InspectPlugin(grpc::CallbackServerContext* context,
                                                     const desk::v1::InspectPluginRequest* request,
                                                     desk::v1::InspectPluginReply* reply) {
  return ByClerk(context, {ROLE_ADMIN}, [this, request, reply] {
    auto inspected = house_.plugins->Inspect(request->name());
    if (inspected.ok()) *reply = *std::move(inspected);
    return ToScreen(inspected.status());
  });
}

grpc::ServerUnaryReactor* DeskService::ApprovePlugin(grpc::CallbackServerContext* context,
                                                     const desk::v1::ApprovePluginRequest* request,
                                                     desk::v1::ApprovePluginReply*) {
  const auto caller = callers_.Identify(*context);
  const std::string name = caller.ok() ? caller->name : "";
  return ByClerk(context, {ROLE_ADMIN}, [this, request, name] {
    return ToScreen(house_.plugins->Approve(*request, name, UtcNow()));
  });
}

grpc::ServerUnaryReactor* DeskService::RevokePlugin(grpc::CallbackServerContext* context,
                                                    const desk::v1::RevokePluginRequest* request,
                                                    desk::v1::RevokePluginReply*) {
  return ByClerk(context, {ROLE_ADMIN},
                 [this, request] { return ToScreen(house_.plugins->Revoke(request->name())); });
}

grpc::ServerUnaryReactor* DeskService::RestartPlugin(grpc::CallbackServerContext* context,
                                                     const desk::v1::RestartPluginRequest* request,
                                                     desk::v1::RestartPluginReply*) {
  return ByClerk(context, {ROLE_ADMIN},
                 [this, request] { return ToScreen(house_.plugins->Restart(request->name())); });
}

grpc::ServerUnaryReactor* DeskService::AddDevice(grpc::CallbackServerContext* context,
                                                 const desk::v1::AddDeviceRequest* request,
                                                 desk::v1::AddDeviceReply* reply) {
  return ByClerk(context, {ROLE_ADMIN}, [this, request, reply] {
    const auto add = [&]() -> absl::Status {
      if (!IsDeviceRole(request->role())) {
        return FailureStatus(FAILURE_CODE_REQUEST_INVALID,
                             "a device is for staff, patient or admin");
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
    return ToScreen(add());
  });
}

grpc::ServerUnaryReactor* DeskService::RemoveDevice(grpc::CallbackServerContext* context,
                                                    const desk::v1::RemoveDeviceRequest* request,
                                                    desk::v1::RemoveDeviceReply*) {
  return ByClerk(context, {ROLE_ADMIN}, [this, request] {
    const absl::Status removed = house_.devices->Remove(request->name());
    const grpc::Status status = ToScreen(removed);
    if (CodeOf(removed) != FAILURE_CODE_DEVICE_UNKNOWN) return status;
    // Not the caller is unknown here but the device that it named.
    return grpc::Status(grpc::StatusCode::NOT_FOUND, status.error_message(),
                        status.error_details());
  });
}

}  // namespace madoguchi
