#ifndef MADOGUCHI_HOST_CHECK_COUNTER_H_
#define MADOGUCHI_HOST_CHECK_COUNTER_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "host/check/check.h"

namespace madoguchi {

// One way of checking, as the staff choose it.
struct Method {
  std::string id;  // pin, visual
  check::v1::Text label;
  PolicyPort* policy = nullptr;
};

// One place where patients are checked, one at a time. Any number of screens look at it and reply;
// each check runs on a thread of its own. Thread-safe. Has no gRPC in it.
class Counter {
 public:
  struct Place {
    std::string name;
    Places readers;
  };

  // `world` and `methods` outlive the counter.
  Counter(const World& world, const std::vector<Method>& methods, Place place);
  // Ends a running check as Stop does.
  ~Counter();
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;

  const std::string& name() const { return place_.name; }
  const Places& readers() const { return place_.readers; }

  // What a screen of `role` replied. The id of the check that it began or replied to. Never blocks
  // on a plugin. The failures of desk.v1.Desk.Send.
  absl::StatusOr<std::string> Send(const desk::v1::Reply& reply, check::v1::Role role);

  // The current view of `role` and, as the result, its revision.
  uint64_t View(check::v1::Role role, desk::v1::View* view) const;
  // Pokes `listener` after every change, with no lock held.
  void Tell(const std::shared_ptr<Listener>& listener) { listeners_.Add(listener); }

  // Cancels a running check and begins no other. Does not wait for its end.
  void RequestStop();
  // Cancels a running check and waits for its end (which an APDU under way may put off until its
  // device gives it up). Begins no other.
  void Stop();

  // The record of the last finished check, for the audit log and the tests.
  check::v1::Record last_record() const;

 private:
  class Front;  // the Screens of the running check

  absl::StatusOr<std::string> Begin(const desk::v1::Begin& begin);
  void Run(const Method& method, const Check::Subject& subject, const std::stop_token& cancelled);
  desk::v1::CardPlace CardPlaceNow() const;

  const World& world_;
  const std::vector<Method>& methods_;
  const Place place_;
  std::shared_ptr<Listener> table_listener_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  Scene scene_;
  uint64_t revision_ = 1;
  uint64_t last_question_ = 0;
  Screens::Acceptor acceptor_;
  std::optional<desk::v1::Reply> reply_;
  bool readers_moved_ = false;
  bool stopping_ = false;
  uint64_t closed_at_ = 0;  // the newest arrival when the previous check was closed
  check::v1::Record last_record_;
  std::jthread check_;
  std::jthread before_;  // the check that was closed; its card may still be being reset

  Listeners listeners_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_CHECK_COUNTER_H_
