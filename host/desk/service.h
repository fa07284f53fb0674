#ifndef MADOGUCHI_HOST_DESK_SERVICE_H_
#define MADOGUCHI_HOST_DESK_SERVICE_H_

#include <functional>
#include <set>

#include "host/desk/caller.h"
#include "host/desk/house.h"
#include "madoguchi/desk/v1/desk.grpc.pb.h"

namespace madoguchi {

// desk.v1.Desk for the callers of one door. Nothing in it waits for a person, a plugin or a file on
// gRPC's threads. `house` and `callers` outlive it.
class DeskService final : public desk::v1::Desk::CallbackService {
 public:
  DeskService(const House& house, const Callers& callers) : house_(house), callers_(callers) {}

  grpc::ServerWriteReactor<desk::v1::View>* Watch(grpc::CallbackServerContext* context,
                                                  const desk::v1::WatchRequest* request) override;
  grpc::ServerUnaryReactor* Send(grpc::CallbackServerContext* context,
                                 const desk::v1::SendRequest* request,
                                 desk::v1::SendReply* reply) override;
  grpc::ServerUnaryReactor* ListCounters(grpc::CallbackServerContext* context,
                                         const desk::v1::ListCountersRequest* request,
                                         desk::v1::ListCountersReply* reply) override;
  grpc::ServerWriteReactor<desk::v1::ReaderTable>* WatchReaders(
      grpc::CallbackServerContext* context, const desk::v1::WatchReadersRequest* request) override;
  grpc::ServerUnaryReactor* LookAtCard(grpc::CallbackServerContext* context,
                                       const desk::v1::LookAtCardRequest* request,
                                       desk::v1::LookAtCardReply* reply) override;
  grpc::ServerUnaryReactor* ProbeAuthority(grpc::CallbackServerContext* context,
                                           const desk::v1::ProbeAuthorityRequest* request,
                                           desk::v1::ProbeAuthorityReply* reply) override;
  grpc::ServerUnaryReactor* ListPlugins(grpc::CallbackServerContext* context,
                                        const desk::v1::ListPluginsRequest* request,
                                        desk::v1::ListPluginsReply* reply) override;
  grpc::ServerUnaryReactor* InspectPlugin(grpc::CallbackServerContext* context,
                                          const desk::v1::InspectPluginRequest* request,
                                          desk::v1::InspectPluginReply* reply) override;
  grpc::ServerUnaryReactor* ApprovePlugin(grpc::CallbackServerContext* context,
                                          const desk::v1::ApprovePluginRequest* request,
                                          desk::v1::ApprovePluginReply* reply) override;
  grpc::ServerUnaryReactor* RevokePlugin(grpc::CallbackServerContext* context,
                                         const desk::v1::RevokePluginRequest* request,
                                         desk::v1::RevokePluginReply* reply) override;
  grpc::ServerUnaryReactor* RestartPlugin(grpc::CallbackServerContext* context,
                                          const desk::v1::RestartPluginRequest* request,
                                          desk::v1::RestartPluginReply* reply) override;
  grpc::ServerUnaryReactor* GetHost(grpc::CallbackServerContext* context,
                                    const desk::v1::GetHostRequest* request,
                                    desk::v1::GetHostReply* reply) override;
  grpc::ServerUnaryReactor* AddDevice(grpc::CallbackServerContext* context,
                                      const desk::v1::AddDeviceRequest* request,
                                      desk::v1::AddDeviceReply* reply) override;
  grpc::ServerUnaryReactor* ListDevices(grpc::CallbackServerContext* context,
                                        const desk::v1::ListDevicesRequest* request,
                                        desk::v1::ListDevicesReply* reply) override;
  grpc::ServerUnaryReactor* RemoveDevice(grpc::CallbackServerContext* context,
                                         const desk::v1::RemoveDeviceRequest* request,
                                         desk::v1::RemoveDeviceReply* reply) override;

 private:
  // OK when the caller may take one of `roles`.
  absl::Status Admit(const grpc::ServerContextBase& context,
                     const std::set<check::v1::Role>& roles) const;
  // Finishes the call with what `answer` returns on the clerk's thread, where the caller may take
  // one of `roles`.
  grpc::ServerUnaryReactor* ByClerk(grpc::CallbackServerContext* context,
                                    const std::set<check::v1::Role>& roles,
                                    std::function<grpc::Status()> answer);
  // The counter of that name, or the only one.
  absl::StatusOr<Counter*> CounterOf(const std::string& name) const;

  const House& house_;
  const Callers& callers_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_DESK_SERVICE_H_
