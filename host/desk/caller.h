#ifndef MADOGUCHI_HOST_DESK_CALLER_H_
#define MADOGUCHI_HOST_DESK_CALLER_H_

#include <grpcpp/server_context.h>

#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "madoguchi/check/v1/text.pb.h"

namespace madoguchi {

// Who is calling, as the door found out; nothing that the caller says of itself.
struct Caller {
  std::string name;  // the device, or "uid 1000"
  std::set<check::v1::Role> roles;
};

// Each door knows its callers in its own way. Thread-safe.
class Callers {
 public:
  virtual ~Callers() = default;
  // DEVICE_UNKNOWN when it is nobody, or not any more.
  virtual absl::StatusOr<Caller> Identify(const grpc::ServerContextBase& context) const = 0;
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_DESK_CALLER_H_
