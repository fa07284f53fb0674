#ifndef MADOGUCHI_SDK_CONFORMANCE_WRONG_WRONG_H_
#define MADOGUCHI_SDK_CONFORMANCE_WRONG_WRONG_H_

#include <grpcpp/support/status.h>

#include <map>
#include <memory>
#include <string>

#include "madoguchi/policy/v1/policy.pb.h"

namespace grpc {
class Service;
}

// A family of plugins, each with one fault, to see that the kit finds it. One program: the name
// that it was started by (argv[0], the plugin's name) is the id of the row that it fails, with '_'
// for
// '.' and '-'. Any other name has no fault: right_reader, right_policy, right_authority; but for
// right_reader_logs_pins and right_reader_logs_apdus, which fail a row that has more than one way.
namespace madoguchi::wrong {

// True for the plugin that fails `row`, "reader.open-stale" say.
bool Fails(const char* row);
// The plugin's name.
const std::string& Name();

// The settings that Start gave; empty before.
using Settings = std::map<std::string, std::string>;

// The service of each kind. `settings` may come later than calls.
struct Kind {
  virtual ~Kind() = default;
  virtual grpc::Service* service() = 0;
  virtual void Start(const Settings& settings) {}
};
std::unique_ptr<Kind> MakePolicy();
std::unique_ptr<Kind> MakeReader();
std::unique_ptr<Kind> MakeAuthority();

// The policy itself, for those who serve it in their own way.
grpc::Status Next(const policy::v1::NextRequest& request, policy::v1::NextReply* reply);
// True when Next was called within the last 0.1 s.
bool PolicyIsBusy();

}  // namespace madoguchi::wrong

#endif  // MADOGUCHI_SDK_CONFORMANCE_WRONG_WRONG_H_
