#ifndef MADOGUCHI_SDK_CONFORMANCE_CLINIC_H_
#define MADOGUCHI_SDK_CONFORMANCE_CLINIC_H_

#include <optional>
#include <string>
#include <vector>

#include "madoguchi/policy/v1/policy.pb.h"

// A clinic as policies see it: what a host lets a policy ask for, and what evidence can come of it.
// All pure functions of the check so far. policy.proto and check.proto are the source; a host has
// the same rules of its own, and no policy can make it forget them.
namespace madoguchi::conformance {

// A check so far: each step with the evidence that it brought, oldest first.
struct Happened {
  check::v1::Step step;
  policy::v1::ProjectedEvidence evidence;
};
using History = std::vector<Happened>;

// The most steps of one check.
inline constexpr size_t kMostSteps = 32;

// The evidence alone, as a policy gets it.
policy::v1::NextRequest RequestOf(const History& history);
// "ASK_PIN PIN_SEALED READ_CERTIFICATE ...", as in policy_play.h.
std::string LineOf(const History& history);

// Which rule a step breaks, and how. `row` is the id of the rule's row.
struct Breach {
  std::string row;
  std::string what;
};
// Why a host that allows 目視 (`visual`) or does not refuses `step` after `history`; nothing when
// it performs it.
std::optional<Breach> WhyRefused(const History& history, const check::v1::Step& step, bool visual);

// All evidence that `step`, performed after `history`, can bring: the card keeps count of its
// tries, a choice is one of those that were asked. `few` leaves out failures that differ from
// others in their code alone.
std::vector<policy::v1::ProjectedEvidence> AnswersTo(const History& history,
                                                     const check::v1::Step& step, bool few);

// Evidence that `step` cannot bring.
std::vector<policy::v1::ProjectedEvidence> NoAnswersTo(const check::v1::Step& step);

}  // namespace madoguchi::conformance

#endif  // MADOGUCHI_SDK_CONFORMANCE_CLINIC_H_
