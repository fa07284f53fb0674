#ifndef MADOGUCHI_PLUGINS_AUTHORITY_ONLINE_ONLINE_H_
#define MADOGUCHI_PLUGINS_AUTHORITY_ONLINE_ONLINE_H_

#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "sdk/plugin/authority.h"

namespace grpc {
class Channel;
class ChannelCredentials;
}  // namespace grpc

namespace madoguchi {

// Relays to a madoguchi-authority over its local socket or mutual TLS.
class OnlineAuthority final : public plugin::Authority {
 public:
  std::string name() const override { return "authority_online"; }
  // Does not connect: the server may come later.
  absl::Status Start(const plugin::Settings& settings) override;
  // The server's failures of authority.proto, as they are. Besides: AUTHORITY_UNREACHABLE when
  // there is no connection, AUTHORITY_SLOW when there is one and no answer in time,
  // AUTHORITY_ANSWER_INVALID when the answer makes no sense, CANCELLED when the host no longer
  // waits.
  absl::StatusOr<authority::v1::ChallengeReply> Challenge(
      const plugin::Call& call, const authority::v1::ChallengeRequest& request) override;
  absl::StatusOr<authority::v1::AskReply> Ask(const plugin::Call& call,
                                              const authority::v1::AskRequest& request) override;

 private:
  // A call to the server, on the connection that is there or a new one. `again` allows a second
  // attempt when the connection turned out to be dead.
  template <typename Request, typename Reply, typename Begin>
  absl::StatusOr<Reply> Relay(const plugin::Call& call, const Request& request, bool again,
                              const Begin& begin);

  std::shared_ptr<grpc::Channel> channel();
  // The next call shall not wait for, nor on, a connection that failed.
  void Forget(const std::shared_ptr<grpc::Channel>& failed);

  std::string target_;
  std::shared_ptr<grpc::ChannelCredentials> credentials_;
  std::chrono::milliseconds timeout_{0};
  std::mutex mutex_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_PLUGINS_AUTHORITY_ONLINE_ONLINE_H_
