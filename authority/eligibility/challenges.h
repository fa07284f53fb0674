#ifndef MADOGUCHI_AUTHORITY_ELIGIBILITY_CHALLENGES_H_
#define MADOGUCHI_AUTHORITY_ELIGIBILITY_CHALLENGES_H_

#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <string>

#include "absl/status/status.h"

namespace madoguchi::authority {

// The challenges that were given out and not yet answered. Each is for one check of one host, for
// kAge, and for one Ask. They live in memory: after a restart every older one is spent. Each host
// has its own kMost, so that no host can push out another's. Thread-safe.
class Challenges {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kAge{120};
  static constexpr size_t kMost = 10000;

  // 32 random bytes. Drops the host's oldest when it has too many.
  std::string Issue(const std::string& host_id, const std::string& check_id, TimePoint now);

  // OK once for what Issue gave this host for this check. CHALLENGE_SPENT otherwise; whatever the
  // answer, a challenge that its own host has shown is gone.
  absl::Status Spend(const std::string& host_id, const std::string& check_id,
                     const std::string& challenge, TimePoint now);

 private:
  struct Open {
    std::string check_id;
    TimePoint issued;
  };
  struct OfHost {
    std::map<std::string, Open> open;  // by challenge
    std::deque<std::string> order;     // oldest first; may name spent ones
  };

  std::mutex mutex_;
  std::map<std::string, OfHost> hosts_;
};

}  // namespace madoguchi::authority

#endif  // MADOGUCHI_AUTHORITY_ELIGIBILITY_CHALLENGES_H_
