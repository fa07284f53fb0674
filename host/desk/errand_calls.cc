// The calls that wait for a plugin: each is answered from a thread of its own.
#include "host/check/authority_probe.h"
#include "host/check/card_look.h"
#include "host/desk/service.h"
#include "sdk/failure/failure.h"
#include "sdk/failure/grpc_status.h"

namespace madoguchi {

using namespace check::v1;  // NOLINT: roles and codes.

namespace {

absl::Status Refused(const Errands& errands, FailureCode when_many) {
  return errands.stopping() ? FailureStatus(FAILURE_CODE_HOST_STOPPING)
                            : FailureStatus(when_many, "too many such calls at once");
}

}  // namespace

grpc::ServerUnaryReactor* DeskService::LookAtCard(grpc::CallbackServerContext* context,
                                                  const desk::v1::LookAtCardRequest* request,
                                                  desk::v1::LookAtCardReply* reply) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  absl::Status admitted = Admit(*context, {ROLE_STAFF, ROLE_ADMIN});
  if (admitted.ok()) {
    const bool started = house_.errands->Start([this, reactor, reply, reader = request->reader()](
                                                   const std::stop_token& stopping) {
      const World& world = *house_.world;
      const auto kind = madoguchi::LookAtCard(*world.readers, *world.reader_port, reader, stopping);
      if (kind.ok()) reply->set_card(*kind);
      reactor->Finish(ToScreen(kind.status()));
    });
    if (started) return reactor;
    admitted = Refused(*house_.errands, FAILURE_CODE_CARD_BUSY);
  }
  reactor->Finish(ToScreen(admitted));
  return reactor;
}

grpc::ServerUnaryReactor* DeskService::ProbeAuthority(grpc::CallbackServerContext* context,
                                                      const desk::v1::ProbeAuthorityRequest*,
                                                      desk::v1::ProbeAuthorityReply* reply) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  absl::Status admitted = Admit(*context, {ROLE_STAFF, ROLE_ADMIN});
  if (admitted.ok()) {
    const bool started =
        house_.errands->Start([this, reactor, reply](const std::stop_token& stopping) {
          auto probed = madoguchi::ProbeAuthority(*house_.world, stopping);
          if (probed.ok()) *reply = *std::move(probed);
          reactor->Finish(ToScreen(probed.status()));
        });
    if (started) return reactor;
    admitted = Refused(*house_.errands, FAILURE_CODE_AUTHORITY_SLOW);
  }
  reactor->Finish(ToScreen(admitted));
  return reactor;
}

}  // namespace madoguchi
