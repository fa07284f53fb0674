#ifndef MADOGUCHI_UI_TERMINAL_REMOTE_DESK_H_
#define MADOGUCHI_UI_TERMINAL_REMOTE_DESK_H_

#include <grpcpp/client_context.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sdk/screen/connect.h"
#include "ui/terminal/bell.h"
#include "ui/terminal/desk.h"

namespace madoguchi::terminal {

// A unary call that takes longer than this has failed.
inline constexpr std::chrono::seconds kCallLimit(5);
// So long a broken connection is made anew before it is given up.
inline constexpr std::chrono::seconds kReconnectLimit(10);

// A connection over which nothing has come back for so long is taken for broken: a cable that was
// pulled tells nobody.
inline constexpr std::chrono::milliseconds kHeartbeat(5000);

void SetDeadline(grpc::ClientContext* call);

// `status` of a call as a Status that always carries a failure: one without is HOST_UNREACHABLE,
// with `address` in its detail.
absl::Status CallStatus(const grpc::Status& status, const std::string& address);

// A desk behind a connection: one Watch stream for each role, each read on a thread of its own. The
// connection and the bell must outlive it. A host that is not there is waited for as one that went:
// ask GetHost first, which does not wait. Thread-safe.
class RemoteDesk : public Desk {
 public:
  RemoteDesk(screen::DeskConnection* connection, const std::string& counter,
             const std::vector<check::v1::Role>& roles, Bell* bell,
             std::chrono::milliseconds heartbeat = kHeartbeat);
  // Ends the streams and waits for their threads.
  ~RemoteDesk() override;

  Sight Look(check::v1::Role role) override;
  // A reply whose transport broke is sent again on a new connection (Begin is not: it might have
  // arrived). The host refuses the second of two that arrived; that counts as success here.
  absl::StatusOr<std::string> Send(const desk::v1::Reply& reply) override;

 private:
  struct Seat;
  void Watch(Seat* seat);
  grpc::Status WatchOnce(Seat* seat, const std::shared_ptr<grpc::Channel>& channel);
  // Asks the host for a sign of life at each heartbeat; without one, the streams are broken off.
  void Listen(std::chrono::milliseconds heartbeat);
  // False when this object dies.
  bool Pause(std::chrono::milliseconds time);

  screen::DeskConnection* const connection_;
  const std::string counter_;
  Bell* const bell_;
  std::mutex mutex_;
  std::condition_variable ending_;
  std::thread heart_;
  grpc::ClientContext* beat_ = nullptr;                     // guarded by mutex_
  bool ended_ = false;                                      // guarded by mutex_
  std::map<check::v1::Role, std::unique_ptr<Seat>> seats_;  // the map itself never changes
};

}  // namespace madoguchi::terminal

#endif  // MADOGUCHI_UI_TERMINAL_REMOTE_DESK_H_
