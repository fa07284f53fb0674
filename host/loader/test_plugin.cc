// A plugin for the tests of the loader. What it does is in its name.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "sdk/plugin/policy.h"
#include "sdk/plugin/reader.h"

namespace {

class TestPolicy final : public madoguchi::plugin::Policy {
 public:
  explicit TestPolicy(std::string name) : name_(std::move(name)) {}
  std::string name() const override { return name_; }
  absl::Status Start(const madoguchi::plugin::Settings&) override {
    if (name_ == "refuses") return absl::InvalidArgumentError("number is 0; expected 1 to 9");
    if (name_ == "eats") {
      std::thread([] {
        while (true) std::memset(std::malloc(1 << 20), 1, 1 << 20);
      }).detach();
    }
    if (name_ == "mumbles") return absl::InvalidArgumentError("number is \xff\xe7\xaa");
    return absl::OkStatus();
  }
  absl::Status Health() override {
    return name_ == "ails" ? absl::UnavailableError("its lamp is out") : absl::OkStatus();
  }
  absl::StatusOr<madoguchi::policy::v1::NextReply> Next(
      const madoguchi::policy::v1::NextRequest&) override {
    madoguchi::policy::v1::NextReply reply;
    if (name_ == "talks") {
      reply.mutable_step()->mutable_ask()->mutable_text()->set_en(std::string(256 * 1024, 'a'));
    }
    return reply;
  }

 private:
  const std::string name_;
};

// A reader without a card.
class TestReader final : public madoguchi::plugin::Reader {
 public:
  std::string name() const override { return "reads"; }
  absl::Status Start(const madoguchi::plugin::Settings&) override {
    board().Publish({});
    return absl::OkStatus();
  }
  absl::StatusOr<madoguchi::reader::v1::OpenReply> Open(
      const madoguchi::reader::v1::OpenRequest&) override {
    return absl::NotFoundError("no card");
  }
  absl::StatusOr<std::vector<uint8_t>> Transmit(uint64_t, std::span<const uint8_t>) override {
    return absl::NotFoundError("no card");
  }
  void Close(uint64_t) override {}
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
  if (name == "mumbles") {
    std::puts("bytes \xff\xe7\xaa of no \xc2\x9bline");
    std::fputs("a", stdout);  // so that the cut falls inside a character
    for (int i = 0; i < 200; ++i) std::fputs("\xe7\xaa\x93", stdout);
    std::puts("");
  }
  if (name == "reads") {
    TestReader reader;
    return madoguchi::plugin::Serve(reader);
  }
  TestPolicy policy(name == "liar" ? "somebody" : name);
  return madoguchi::plugin::Serve(policy);
}
