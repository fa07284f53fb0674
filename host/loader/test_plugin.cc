// A plugin for the tests of the loader. What it does is in its name.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "sdk/plugin/policy.h"

namespace {

class TestPolicy final : public madoguchi::plugin::Policy {
 public:
  explicit TestPolicy(std::string name) : name_(std::move(name)) {}
  std::string name() const override { return name_; }
  absl::Status Start(const madoguchi::plugin::Settings&) override {
    if (name_ == "refuses") return absl::InvalidArgumentError("number is 0; expected 1 to 9");
    return absl::OkStatus();
  }
  absl::StatusOr<madoguchi::policy::v1::NextReply> Next(
      const madoguchi::policy::v1::NextRequest&) override {
    return madoguchi::policy::v1::NextReply();
  }

 private:
  const std::string name_;
};

}  // namespace

int main(int, char** argv) {
  const std::string name = argv[0];
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  for (int i = 1; i <= 25; ++i) std::printf("line %d\n", i);
  if (name == "exits") {
    std::fputs("no end\x1b[31m", stdout);
    return 3;
  }
  if (name == "crashes") std::abort();
  if (name == "hangs") {
    while (true) pause();
  }
  if (name == "floods") {
    for (int i = 0; i < 20000; ++i) std::printf("flood %d and some more words\n", i);
  }
  TestPolicy policy(name == "liar" ? "somebody" : name);
  return madoguchi::plugin::Serve(policy);
}
