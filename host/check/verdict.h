#ifndef MADOGUCHI_HOST_CHECK_VERDICT_H_
#define MADOGUCHI_HOST_CHECK_VERDICT_H_

#include <optional>
#include <vector>

#include "madoguchi/check/v1/check.pb.h"
#include "madoguchi/policy/v1/policy.pb.h"

// The host's own rules about a check, all pure functions of its record: what a policy may see, what
// it may ask for, and what the evidence amounts to.
namespace madoguchi {

// The most steps of one check.
inline constexpr int kMostSteps = 32;

// What the clinic allows, whatever a policy asks for.
struct Allowance {
  bool visual = false;  // 目視: this host may vouch by the staff's own eyes
};

// The evidence of `record` as a policy may see it: no name, number, serial or typed value.
policy::v1::NextRequest Project(const check::v1::Record& record);

// Why `step` may not follow `record`; nothing when it may. English, for the log.
std::optional<std::string> WhyForbidden(const check::v1::Record& record,
                                        const check::v1::Step& step, const Allowance& allowance);

// What `record` amounts to, by one table:
//   Answered 1, 6 -> ELIGIBLE, when the card was proven or the staff vouched where they may
//   Answered 2, 3, 4 -> NOT_ELIGIBLE with its code; 5 -> CANNOT_TELL
//   any other last evidence -> CANNOT_TELL with its code
// The texts of the catalogue are filled in.
check::v1::Verdict DeriveVerdict(const check::v1::Record& record, const Allowance& allowance);

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_CHECK_VERDICT_H_
