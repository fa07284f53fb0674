#ifndef MADOGUCHI_SDK_PLUGIN_SERVE_H_
#define MADOGUCHI_SDK_PLUGIN_SERVE_H_

#include <functional>

#include "madoguchi/plugin/v1/plugin.grpc.pb.h"
#include "sdk/plugin/plugin.h"

// What the three Serve functions share. Plugin authors need policy.h, authority.h or reader.h only.
namespace madoguchi::plugin {

inline constexpr int kServiceFd = 3;
inline constexpr int kPinFd = 4;
inline constexpr uint32_t kContractVersion = 1;

// Hello, Start and Health of `plugin`.
class PluginService final : public v1::Plugin::Service {
 public:
  PluginService(Plugin& plugin, v1::Kind kind) : plugin_(plugin), kind_(kind) {}
  grpc::Status Hello(grpc::ServerContext*, const v1::HelloRequest* request,
                     v1::HelloReply* reply) override;
  grpc::Status Start(grpc::ServerContext*, const v1::StartRequest* request,
                     v1::StartReply*) override;
  grpc::Status Health(grpc::ServerContext*, const v1::HealthRequest*, v1::HealthReply*) override;

 private:
  Plugin& plugin_;
  const v1::Kind kind_;
};

// Serves `service` beside Hello, Start and Health on fd 3. `stopping` is called once when the host
// is gone, before the calls under way are given up. Returns the exit status for main().
int ServeOn(Plugin& plugin, v1::Kind kind, grpc::Service& service,
            const std::function<void()>& stopping);

}  // namespace madoguchi::plugin

#endif  // MADOGUCHI_SDK_PLUGIN_SERVE_H_
