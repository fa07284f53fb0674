// What the plugins of the family share, and the faults of it.
#include <fcntl.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <grpcpp/support/byte_buffer.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "madoguchi/plugin/v1/plugin.grpc.pb.h"
#include "sdk/conformance/wrong/wrong.h"

namespace madoguchi::wrong {
namespace {

constexpr int kServiceFd = 3;
std::string name;

plugin::v1::Kind KindOf() {
  const auto begins = [](const char* with) { return name.rfind(with, 0) == 0; };
  if (begins("reader_") || begins("right_reader") || Fails("plugin.cancel-honoured")) {
    return plugin::v1::KIND_READER;
  }
  if (begins("authority_") || begins("right_authority")) return plugin::v1::KIND_AUTHORITY;
  return plugin::v1::KIND_POLICY;
}

class PluginService final : public plugin::v1::Plugin::Service {
 public:
  explicit PluginService(Kind& kind) : kind_(kind) {}

  grpc::Status Hello(grpc::ServerContext*, const plugin::v1::HelloRequest* request,
                     plugin::v1::HelloReply* reply) override {
    if (Fails("plugin.hello-in-time")) std::this_thread::sleep_for(std::chrono::seconds(3));
    const auto& versions = request->host_version();
    bool known = std::find(versions.begin(), versions.end(), 1u) != versions.end();
    reply->set_version(1);
    if (known && Fails("plugin.version-highest-common")) {
      reply->set_version(*std::max_element(versions.begin(), versions.end()));
    }
    if (!known && !Fails("plugin.version-unknown-refused")) {
      return {grpc::StatusCode::FAILED_PRECONDITION, "it speaks version 1 alone"};
    }
    reply->set_name(Fails("plugin.hello-is-manifest") ? "somebody_else" : name);
    reply->set_kind(KindOf());
    return grpc::Status::OK;
  }

  grpc::Status Start(grpc::ServerContext*, const plugin::v1::StartRequest* request,
                     plugin::v1::StartReply*) override {
    if (Fails("plugin.starts")) return {grpc::StatusCode::INTERNAL, "not today"};
    const Settings settings(request->setting().begin(), request->setting().end());
    const std::string number = settings.at("number");
    if (number.find_first_not_of("0123456789") != std::string::npos &&
        !Fails("plugin.setting-refused")) {
      return {grpc::StatusCode::INVALID_ARGUMENT, "setting number: expected a number"};
    }
    if (Fails("log.no-secret")) std::printf("password: %s\n", settings.at("password").c_str());
    if (Fails("log.is-text")) std::printf("caf\xE9\n");
    std::fflush(stdout);
    if (Fails("plugin.few-descriptors")) {
      for (int i = 0; i < 100; ++i) {
        if (dup(0) < 0) return {grpc::StatusCode::INTERNAL, "no descriptor is left"};
      }
    }
    kind_.Start(settings);
    return grpc::Status::OK;
  }

  grpc::Status Health(grpc::ServerContext*, const plugin::v1::HealthRequest*,
                      plugin::v1::HealthReply*) override {
    if (Fails("plugin.health")) return {grpc::StatusCode::INTERNAL, "unwell"};
    if (Fails("plugin.health-while-busy") && PolicyIsBusy()) {
      std::this_thread::sleep_for(std::chrono::seconds(1));
    }
    return grpc::Status::OK;
  }

 private:
  Kind& kind_;
};

// Methods in the hands of somebody who forgot that a stranger may call them.
class Careless final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    if (Fails("plugin.unknown-method")) std::abort();
    return new Call(context->method());
  }

 private:
  class Call final : public grpc::ServerGenericBidiReactor {
   public:
    explicit Call(const std::string& method) {
      if (method == "/madoguchi.policy.v1.Policy/Next") {
        StartRead(&bytes_);
      } else {
        Finish({grpc::StatusCode::UNIMPLEMENTED, ""});
      }
    }
    void OnReadDone(bool ok) override {
      if (!ok) return Finish({grpc::StatusCode::CANCELLED, ""});
      if (Fails("plugin.oversized-message") && bytes_.Length() > (4u << 20)) std::abort();
      policy::v1::NextRequest request;
      grpc::ProtoBufferReader reader(&bytes_);
      if (!request.ParseFromZeroCopyStream(&reader)) {
        if (Fails("plugin.malformed-message")) std::abort();
        return Finish({grpc::StatusCode::INTERNAL, "no NextRequest"});
      }
      policy::v1::NextReply reply;
      const grpc::Status status = Next(request, &reply);
      if (!status.ok()) return Finish(status);
      const grpc::Slice slice(reply.SerializeAsString());
      reply_ = grpc::ByteBuffer(&slice, 1);
      StartWriteAndFinish(&reply_, {}, grpc::Status::OK);
    }
    void OnDone() override { delete this; }

   private:
    grpc::ByteBuffer bytes_, reply_;
  };
};

// Stands between the host and gRPC, and looks at what passes.
class Meddler {
 public:
  // The descriptor that gRPC is to use.
  int Between(int host) {
    int ends[2];
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
    thread_ = std::thread([this, host, mine = ends[0]] { Carry(host, mine); });
    return ends[1];
  }
  void Join() { thread_.join(); }

 private:
  void Carry(int host, int mine) {
    char bytes[65536];
    while (true) {
      pollfd watched[] = {{host, POLLIN, 0}, {mine, POLLIN, 0}};
      poll(watched, 2, -1);
      if (watched[0].revents != 0) {
        const ssize_t size = recv(host, bytes, sizeof(bytes), 0);
        if (size <= 0) break;
        Look({bytes, static_cast<size_t>(size)});
        send(mine, bytes, static_cast<size_t>(size), MSG_NOSIGNAL);
      }
      if (watched[1].revents != 0) {
        const ssize_t size = recv(mine, bytes, sizeof(bytes), 0);
        if (size <= 0) break;
        send(host, bytes, static_cast<size_t>(size), MSG_NOSIGNAL);
      }
    }
    // A frame of DATA of which a part is missing; noise looks otherwise.
    const bool half = seen_.size() >= 9 && seen_.rfind(std::string("\0\0\x69\0", 4), 0) == 0;
    if (Fails("plugin.half-message") && begun_ && half) std::abort();
  }
  // Keeps what is no whole frame yet.
  void Look(const std::string& bytes) {
    constexpr size_t kPreface = 24, kHead = 9;
    seen_ += bytes;
    if (!begun_) {
      if (seen_.size() >= 3 && seen_.rfind("PRI", 0) != 0) {
        if (Fails("plugin.garbage")) std::abort();
        return;
      }
      if (seen_.size() < kPreface) return;
      seen_.erase(0, kPreface);
      begun_ = true;
    }
    while (seen_.size() >= kHead) {
      const auto byte = [&](size_t at) { return static_cast<unsigned char>(seen_[at]); };
      const size_t length = byte(0) << 16 | byte(1) << 8 | byte(2);
      if (seen_.size() < kHead + length) break;
      seen_.erase(0, kHead + length);
    }
  }

  std::string seen_;
  bool begun_ = false;
  std::thread thread_;
};

int Serve() {
  const auto kind = KindOf() == plugin::v1::KIND_READER      ? MakeReader()
                    : KindOf() == plugin::v1::KIND_AUTHORITY ? MakeAuthority()
                                                             : MakePolicy();
  const bool meddled = Fails("plugin.garbage") || Fails("plugin.half-message");
  const bool careless = Fails("plugin.unknown-method") || Fails("plugin.malformed-message") ||
                        Fails("plugin.oversized-message");
  Meddler meddler;
  const int service = meddled ? meddler.Between(kServiceFd) : kServiceFd;
  fcntl(service, F_SETFL, O_NONBLOCK);
  const int watched = fcntl(service, F_DUPFD_CLOEXEC, 10);
  signal(SIGPIPE, Fails("plugin.pipe-proof") ? SIG_DFL : SIG_IGN);
  PluginService common(*kind);
  Careless generic;
  grpc::ServerBuilder builder;
  builder.RegisterService(&common);
  if (careless) builder.RegisterCallbackGenericService(&generic);
  if (!careless || Fails("plugin.unknown-method")) builder.RegisterService(kind->service());
  if (Fails("plugin.oversized-message")) builder.SetMaxReceiveMessageSize(-1);
  const auto server = builder.BuildAndStart();
  grpc::AddInsecureChannelFromFd(server.get(), service);
  if (meddled) {
    meddler.Join();
  } else {
    pollfd end{watched, POLLRDHUP, 0};
    while (poll(&end, 1, -1) < 0) {
    }
  }
  if (Fails("plugin.ends-with-host")) _exit(3);
  _exit(Fails("plugin.ends-with-host-busy") && PolicyIsBusy() ? 3 : 0);
}

}  // namespace

bool Fails(const char* row) {
  std::string of_row = row;
  std::replace_if(
      of_row.begin(), of_row.end(), [](char c) { return c == '.' || c == '-'; }, '_');
  return name == of_row;
}

const std::string& Name() { return name; }

}  // namespace madoguchi::wrong

int main(int, char** argv) {
  madoguchi::wrong::name = argv[0];
  return madoguchi::wrong::Serve();
}
