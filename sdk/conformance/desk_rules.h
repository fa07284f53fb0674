#ifndef MADOGUCHI_SDK_CONFORMANCE_DESK_RULES_H_
#define MADOGUCHI_SDK_CONFORMANCE_DESK_RULES_H_

#include <grpcpp/channel.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "madoguchi/check/v1/text.pb.h"
#include "sdk/conformance/report.h"

namespace madoguchi::conformance {

// The desk that is examined. One channel may serve several roles, as on the local socket; a role
// without one is left out, and the rows that need it are skipped.
struct ExaminedDesk {
  std::map<check::v1::Role, std::shared_ptr<grpc::Channel>> channels;
  std::string counter;  // empty: the first that the desk lists
};

// Each of `addresses` is the path of a local socket (all roles that it grants) or of a device file
// (the role of that device). The error says which cannot be reached, and why.
absl::StatusOr<ExaminedDesk> ReachDesk(const std::vector<std::string>& addresses);

// Holds a desk to what proto/madoguchi/desk/v1/desk.proto lets a screen rely on, a row each. The
// sentence of a row names the place in that file, a colon, and what stands there, word for word.
//
// It begins checks at the counter, cancels and closes them; a counter at which a check runs is left
// alone, and all rows are skipped. No PIN of the form that is asked for is sent, and so no try of a
// card is spent, except to a host of `madoguchid --play`: only there are the rows about the answer
// to a PIN looked at, the others about it being skipped. Takes some seconds, longer where a rule is
// broken.
void ExamineDesk(const ExaminedDesk& desk, Report* report);

}  // namespace madoguchi::conformance

#endif  // MADOGUCHI_SDK_CONFORMANCE_DESK_RULES_H_
