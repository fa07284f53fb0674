// An authority whose server sends one byte a connection, and the ways to get it wrong.
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <mutex>
#include <set>
#include <thread>

#include "madoguchi/authority/v1/authority.grpc.pb.h"
#include "sdk/conformance/wrong/wrong.h"
#include "sdk/failure/failure.h"
#include "sdk/failure/grpc_status.h"

namespace madoguchi::wrong {
namespace {

using namespace check::v1;  // NOLINT: the codes.
using authority::v1::ChallengeReply;

constexpr auto kPatience = std::chrono::milliseconds(400);

class AuthorityService final : public authority::v1::Authority::Service, public Kind {
 public:
  grpc::Service* service() override { return this; }
  void Start(const Settings& settings) override { server_ = settings.at("server"); }

  grpc::Status Challenge(grpc::ServerContext* context,
                         const authority::v1::ChallengeRequest* request,
                         ChallengeReply* reply) override {
    if (request->check_id().size() != 32 && !Fails("authority.check-id-form")) {
      return Failed(FAILURE_CODE_REQUEST_INVALID);
    }
    if (const grpc::Status reached = Reach(*context); !reached.ok()) return reached;
    std::string challenge(Fails("authority.challenge-form") ? 31 : 32, 'c');
    if (!Fails("authority.challenge-fresh")) {
      (void)!getrandom(challenge.data(), challenge.size(), 0);
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    given_.insert(challenge);
    reply->set_challenge(challenge);
    reply->set_valid_for_s(60);
    reply->set_authority_id("authority.test");
    reply->set_host_id("clinic.test");
    return grpc::Status::OK;
  }

  grpc::Status Ask(grpc::ServerContext*, const authority::v1::AskRequest* request,
                   authority::v1::AskReply* reply) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = given_.find(request->proof().challenge());
    if (found == given_.end()) return Failed(FAILURE_CODE_CHALLENGE_SPENT);
    if (!Fails("authority.challenge-one-use")) given_.erase(found);
    reply->set_validity(VALIDITY_NONE);
    return grpc::Status::OK;
  }

 private:
  static grpc::Status Failed(FailureCode code) { return ToGrpc(FailureStatus(code, "wrong")); }

  grpc::Status Reach(const grpc::ServerContext& context) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    server_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      close(fd);
      return Failed(Fails("authority.unreachable") ? FAILURE_CODE_AUTHORITY_SLOW
                                                   : FAILURE_CODE_AUTHORITY_UNREACHABLE);
    }
    const bool patient = Fails("authority.deadline");
    const auto until = std::chrono::steady_clock::now() + (patient ? kPatience * 12 : kPatience);
    pollfd watched{fd, POLLIN, 0};
    while (poll(&watched, 1, 10) == 0) {
      const bool over = !patient && context.IsCancelled();
      if (!over && std::chrono::steady_clock::now() < until) continue;
      close(fd);
      return Failed(Fails("authority.slow") ? FAILURE_CODE_AUTHORITY_ANSWER_INVALID
                                            : FAILURE_CODE_AUTHORITY_SLOW);
    }
    close(fd);
    return grpc::Status::OK;
  }

  std::string server_;
  std::mutex mutex_;
  std::set<std::string> given_;
};

}  // namespace

std::unique_ptr<Kind> MakeAuthority() { return std::make_unique<AuthorityService>(); }

}  // namespace madoguchi::wrong
