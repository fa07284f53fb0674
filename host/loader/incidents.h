#ifndef MADOGUCHI_HOST_LOADER_INCIDENTS_H_
#define MADOGUCHI_HOST_LOADER_INCIDENTS_H_

#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "host/utc_now.h"
#include "madoguchi/desk/v1/desk.pb.h"

namespace madoguchi {

// What a plugin did that none should do, for the admin's list: each sentence once, with how often
// and when last. Thread-safe.
class Incidents {
 public:
  using Clock = std::function<std::string()>;

  explicit Incidents(Clock clock = UtcNow) : clock_(std::move(clock)) {}

  // Kept as a PlainLine, in the past tense and without a subject: "answered too much". Of many
  // different sentences the oldest make room.
  void Add(const std::string& what);
  // The newest last.
  std::vector<desk::v1::PluginIncident> list() const;

  static constexpr size_t kMost = 40;

 private:
  const Clock clock_;
  mutable std::mutex mutex_;
  std::deque<desk::v1::PluginIncident> incidents_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_LOADER_INCIDENTS_H_
