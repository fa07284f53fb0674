#ifndef MADOGUCHI_SDK_PLUGIN_SERVE_H_
#define MADOGUCHI_SDK_PLUGIN_SERVE_H_

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "madoguchi/plugin/v1/plugin.grpc.pb.h"
#include "sdk/plugin/plugin.h"

// What the three Serve functions share. Plugin authors need policy.h, authority.h or reader.h only.
namespace madoguchi::plugin {

inline constexpr int kServiceFd = 3;
inline constexpr int kPinFd = 4;
inline constexpr uint32_t kContractVersion = 1;

// The highest version that stands in both; 0 when none does.
uint32_t HighestCommon(std::span<const uint32_t> host, std::span<const uint32_t> plugin);

// Why there is none, for the person who reads the host's list of plugins: what each side speaks,
// and which of them is to be updated.
std::string WhyNoneIsCommon(std::span<const uint32_t> host, std::span<const uint32_t> plugin);

// Hello, Start and Health of `plugin`, which speaks these `versions` of the contract.
class PluginService final : public v1::Plugin::Service {
 public:
  PluginService(Plugin& plugin, v1::Kind kind, std::vector<uint32_t> versions = {kContractVersion})
      : plugin_(plugin), kind_(kind), versions_(std::move(versions)) {}
  grpc::Status Hello(grpc::ServerContext*, const v1::HelloRequest* request,
                     v1::HelloReply* reply) override;
  grpc::Status Start(grpc::ServerContext*, const v1::StartRequest* request,
                     v1::StartReply*) override;
  grpc::Status Health(grpc::ServerContext*, const v1::HealthRequest*, v1::HealthReply*) override;

 private:
  Plugin& plugin_;
  const v1::Kind kind_;
  const std::vector<uint32_t> versions_;
};

// Serves `service` beside Hello, Start and Health on fd 3. `stopping` is called once when the host
// is gone, before the calls under way are given up. Returns the exit status for main().
int ServeOn(Plugin& plugin, v1::Kind kind, grpc::Service& service,
            const std::function<void()>& stopping);

}  // namespace madoguchi::plugin

#endif  // MADOGUCHI_SDK_PLUGIN_SERVE_H_
