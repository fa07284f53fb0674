#include "authority/serve/serve.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "authority/serve/local_door.h"
#include "authority/serve/service.h"

namespace madoguchi::authority {
namespace {

// The port that was taken, which is another than asked for when that was 0.
absl::StatusOr<std::unique_ptr<grpc::Server>> ListenTls(const TlsListener& tls,
                                                        AuthorityService* service, int* port) {
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = tls.client_ca;
  options.pem_key_cert_pairs.push_back({tls.server_key, tls.server_certificate});
  grpc::ServerBuilder builder;
  // Two servers on one port would each get half of the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort(tls.address, grpc::SslServerCredentials(options), port);
  builder.RegisterService(service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server || *port == 0) {
    return absl::UnavailableError("cannot listen on " + tls.address +
                                  "; is the port taken, the address of another machine?");
  }
  return server;
}

// Blocks until a signal comes on `signals`; admits who knocks on `listening` (-1: nobody).
void AdmitUntilSignal(int signals, int listening, LocalDoor* door) {
  pollfd watched[] = {{signals, POLLIN, 0}, {listening, POLLIN, 0}};
  for (;;) {
    if (poll(watched, 2, -1) < 0 && errno != EINTR) return;
    if (watched[0].revents != 0) return;
    if (watched[1].revents != 0) door->Admit(listening);
  }
}

}  // namespace

absl::Status Serve(const ServeSettings& settings, std::chrono::milliseconds answer_delay) {
  signal(SIGPIPE, SIG_IGN);
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  const int signals = signalfd(-1, &ends, SFD_CLOEXEC);

  auto store = OpenSqlite(settings.database);
  if (!store.ok()) return store.status();
  Eligibility eligibility(settings.authority_id, settings.trust_anchors, **store);

  std::unique_ptr<ListeningSocket> listening;
  if (!settings.listen_socket.empty()) {
    auto opened = ListeningSocket::Open(settings.listen_socket);
    if (!opened.ok()) return opened.status();
    listening = *std::move(opened);
  }
  LocalDoor door(settings, eligibility, answer_delay);
  AuthorityService remote(eligibility, answer_delay,
                          [&](const grpc::ServerContext& call) -> std::optional<EnrolledHost> {
                            const auto host =
                                settings.hosts_by_certificate.find(PeerCertificateSha256(call));
                            if (host == settings.hosts_by_certificate.end()) return std::nullopt;
                            return host->second;
                          });
  std::unique_ptr<grpc::Server> server;
  if (!settings.tls.address.empty()) {
    int port = 0;
    auto listened = ListenTls(settings.tls, &remote, &port);
    if (!listened.ok()) return listened.status();
    server = *std::move(listened);
    std::fprintf(stderr, "listening on port %d\n", port);
  }
  std::printf("ready\n");
  std::fflush(stdout);

  AdmitUntilSignal(signals, listening ? listening->fd() : -1, &door);
  listening.reset();
  const auto deadline = std::chrono::system_clock::now() + std::chrono::milliseconds(300);
  if (server) server->Shutdown(deadline);
  door.Shutdown(deadline);
  close(signals);
  return absl::OkStatus();
}

}  // namespace madoguchi::authority
