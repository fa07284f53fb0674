#include "authority/eligibility/challenges.h"

#include <openssl/rand.h>

#include <cstdlib>

#include "sdk/failure/failure.h"

namespace madoguchi::authority {
namespace {

constexpr size_t kLength = 32;

absl::Status Spent(const std::string& detail) {
  return FailureStatus(check::v1::FAILURE_CODE_CHALLENGE_SPENT, detail);
}

}  // namespace

std::string Challenges::Issue(const std::string& host_id, const std::string& check_id,
                              TimePoint now) {
  std::string challenge(kLength, '\0');
  // Without randomness nothing here can be believed.
  if (RAND_bytes(reinterpret_cast<unsigned char*>(challenge.data()), kLength) != 1) std::abort();
  const std::lock_guard lock(mutex_);
  OfHost& host = hosts_[host_id];
  while (!host.order.empty()) {
    const auto oldest = host.open.find(host.order.front());
    const bool keep = oldest != host.open.end() && now - oldest->second.issued <= kAge &&
                      host.order.size() < kMost;
    if (keep) break;
    if (oldest != host.open.end()) host.open.erase(oldest);
    host.order.pop_front();
  }
  host.open[challenge] = {check_id, now};
  host.order.push_back(challenge);
  return challenge;
}

absl::Status Challenges::Spend(const std::string& host_id, const std::string& check_id,
                               const std::string& challenge, TimePoint now) {
  const std::lock_guard lock(mutex_);
  const auto host = hosts_.find(host_id);
  if (host == hosts_.end()) return Spent("this host has no challenge");
  const auto found = host->second.open.find(challenge);
  if (found == host->second.open.end()) return Spent("used before, or not given to this host");
  const Open open = found->second;
  host->second.open.erase(found);
  if (now - open.issued > kAge) return Spent("older than 120 s");
  if (open.check_id != check_id) return Spent("given for another check");
  return absl::OkStatus();
}

}  // namespace madoguchi::authority
