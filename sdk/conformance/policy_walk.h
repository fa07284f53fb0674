#ifndef MADOGUCHI_SDK_CONFORMANCE_POLICY_WALK_H_
#define MADOGUCHI_SDK_CONFORMANCE_POLICY_WALK_H_

#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "sdk/conformance/clinic.h"

namespace madoguchi::conformance {

// Walks through all that can happen to a policy in a clinic. Each list of evidence is asked once
// and remembered: a policy is a pure function. One thread uses it.
class PolicyWalk {
 public:
  using Ask = std::function<absl::StatusOr<policy::v1::NextReply>(const policy::v1::NextRequest&)>;

  // `visual`: the clinic allows 目視.
  PolicyWalk(Ask ask, bool visual) : ask_(std::move(ask)), visual_(visual) {}

  // All sequences of evidence of up to `depth` pieces, or the first `most` of them.
  void WalkAll(size_t depth, size_t most);
  // `count` random checks of up to 32 steps. Half of them answer one kind of evidence wherever it
  // is possible, so that a policy that repeats a step for ever is found.
  void WalkAtRandom(size_t count, uint32_t seed);
  // Evidence that does not answer its step, at up to `most` of the places that were walked.
  void Stray(size_t most);

  // The first breach of each row.
  const std::map<std::string, std::string>& breaches() const { return breaches_; }
  // The row whose breach cut the walk short first; empty when nothing did. What would have come
  // after the place of a breach was not looked at.
  const std::string& cut_by() const { return cut_by_; }
  // The policy does not answer any more.
  bool lost() const { return lost_; }
  size_t sequences() const { return sequences_; }       // of WalkAll
  bool all() const { return all_; }                     // WalkAll came to its end
  size_t questions() const { return replies_.size(); }  // that the policy was asked
  size_t strays() const { return strays_; }
  // Histories on which the policy gave a sound reply, each with its reply's bytes; those of
  // WalkAll.
  const std::vector<std::pair<policy::v1::NextRequest, std::string>>& sound() const {
    return sound_;
  }

 private:
  // The step that comes next, null when the check is at its end here, by Finish or by a breach.
  const check::v1::Step* Next(const History& history);
  void Down(History& history, size_t depth, size_t most);
  // `cuts`: the walk does not go on from there.
  void Note(const std::string& row, const History& history, const std::string& what, bool cuts);
  // Notes that `status` came in the place of an answer.
  void Lose(const History& history, const absl::Status& status);

  const Ask ask_;
  const bool visual_;
  std::unordered_map<std::string, absl::StatusOr<policy::v1::NextReply>> replies_;
  std::map<std::string, std::string> breaches_;
  std::string cut_by_;
  std::vector<History> places_;
  std::vector<std::pair<policy::v1::NextRequest, std::string>> sound_;
  size_t sequences_ = 0;
  size_t strays_ = 0;
  bool all_ = true;
  bool lost_ = false;
};

}  // namespace madoguchi::conformance

#endif  // MADOGUCHI_SDK_CONFORMANCE_POLICY_WALK_H_
