#ifndef MADOGUCHI_HOST_LOADER_INCIDENTS_H_
#define MADOGUCHI_HOST_LOADER_INCIDENTS_H_

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "host/utc_now.h"
#include "madoguchi/desk/v1/desk.pb.h"

namespace madoguchi {

// What a plugin did that none should do, for the admin's list: each sentence once, with how often
// and when last. Of many different ones those that came first stay, and the newest: a plugin cannot
// push out what it did with trifles. Thread-safe.
class Incidents {
 public:
  using Clock = std::function<std::string()>;

  explicit Incidents(Clock clock = UtcNow) : clock_(std::move(clock)) {}

  // Kept as a PlainLine, in the past tense and without a subject: "answered too much".
  void Add(const std::string& what);
  // At most kMost, the newest last. How many times others came that made room stands in front.
  std::vector<desk::v1::PluginIncident> list() const;

  static constexpr size_t kMost = 40;
  static constexpr size_t kFirst = 20;  // of them, which stay

 private:
  struct Kept {
    desk::v1::PluginIncident incident;
    bool stays = false;
  };

  const Clock clock_;
  mutable std::mutex mutex_;
  std::vector<Kept> kept_;
  desk::v1::PluginIncident left_out_;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_LOADER_INCIDENTS_H_
