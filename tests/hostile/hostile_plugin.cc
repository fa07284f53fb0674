// A plugin of each kind that attacks. It is named after its kind and what it does:
// policy_attempts, reader_floods, ...
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "sdk/plugin/authority.h"
#include "sdk/plugin/policy.h"
#include "sdk/plugin/reader.h"
#include "tests/hostile/attempts.h"

namespace madoguchi::hostile {
namespace {

using plugin::Settings;

bool Does(const std::string& name, const char* what) {
  return name.find(what) != std::string::npos;
}

// As many as one message takes. False when no more can be sent.
bool SendDescriptors(int over) {
  constexpr int kMost = 253;
  char byte = 0;
  iovec one{&byte, 1};
  alignas(cmsghdr) char space[CMSG_SPACE(kMost * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &one;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof(space);
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(kMost * sizeof(int));
  return sendmsg(over, &message, MSG_DONTWAIT) == 1;
}

// What needs no kind.
void Misbehave(const std::string& name, const Settings& settings) {
  if (Does(name, "attempts")) {
    Aims aims;
    aims.own_folder = settings.Text("own_folder").value_or("");
    aims.door = settings.Text("door").value_or("");
    aims.dbus = settings.Text("dbus").value_or("");
    aims.own_bus = settings.Text("bus").value_or("");
    aims.port = static_cast<int>(settings.Integer("port", 0, 65535).value_or(0));
    std::string done, denied;
    for (const Attempt& attempt : Attempts()) {
      (attempt.run(aims) >= 0 ? done : denied) += std::string(" ") + attempt.name;
    }
    std::printf("denied:%s\ndone:%s\n", denied.c_str(), done.c_str());
  }
  if (Does(name, "eats")) {
    // Beside the start, so that it is a plugin that runs which does so.
    std::thread([] {
      while (true) std::memset(std::malloc(16 << 20), 1, 16 << 20);
    }).detach();
  }
  if (Does(name, "opens")) {
    int opened = 0;
    while (dup(0) >= 0) ++opened;
    std::printf("opened %d\n", opened);
  }
  // What the kernel counts as the host's user's, until somebody receives it.
  if (Does(name, "sends")) {
    int ends[2];
    int sent = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0) {
      while (SendDescriptors(ends[0])) ++sent;
    }
    std::printf("sent %d\n", sent);
  }
  if (Does(name, "floods")) {
    std::thread([] {
      const std::string line(1000, 'f');
      for (int i = 0; i < 100000; ++i) std::puts(line.c_str());
      std::puts("flooded");
    }).detach();
  }
  if (Does(name, "spins")) {
    for (int i = 0; i < 4; ++i) {
      std::thread([] {
        for (std::atomic<unsigned> n = 0;; ++n) {
        }
      }).detach();
    }
  }
  std::fflush(stdout);
}

class HostilePolicy final : public plugin::Policy {
 public:
  explicit HostilePolicy(std::string name) : name_(std::move(name)) {}
  std::string name() const override { return name_; }
  absl::Status Start(const Settings& settings) override {
    Misbehave(name_, settings);
    return absl::OkStatus();
  }
  absl::StatusOr<policy::v1::NextReply> Next(const policy::v1::NextRequest& request) override {
    policy::v1::NextReply reply;
    check::v1::Step* const step = reply.mutable_step();
    if (Does(name_, "claims")) {
      // As if the card had been proven.
      step->mutable_ask_authority();
    } else if (Does(name_, "asks_without_end")) {
      auto* const ask = step->mutable_ask();
      ask->mutable_text()->set_ja("もう一度");
      ask->mutable_text()->set_en("Again");
      ask->set_role(check::v1::ROLE_STAFF);
      auto* const choice = ask->add_choices();
      choice->set_id("yes");
      choice->mutable_label()->set_ja("はい");
      choice->mutable_label()->set_en("Yes");
    } else if (Does(name_, "talks")) {
      step->mutable_ask()->mutable_text()->set_en(std::string(1 << 20, 'a'));
    } else if (Does(name_, "sleeps")) {
      pause();
    } else {
      if (Does(name_, "hoards")) {
        while (dup(0) >= 0) {
        }
      }
      reply.mutable_finish();
    }
    return reply;
  }

 private:
  const std::string name_;
};

class HostileAuthority final : public plugin::Authority {
 public:
  explicit HostileAuthority(std::string name) : name_(std::move(name)) {}
  std::string name() const override { return name_; }
  absl::Status Start(const Settings& settings) override {
    Misbehave(name_, settings);
    return absl::OkStatus();
  }
  // The challenge of another authority, for whom the card would then sign.
  absl::StatusOr<authority::v1::ChallengeReply> Challenge(
      const plugin::Call&, const authority::v1::ChallengeRequest&) override {
    authority::v1::ChallengeReply reply;
    reply.set_challenge(std::string(32, 'c'));
    reply.set_valid_for_s(60);
    reply.set_authority_id("somebody-else");
    reply.set_host_id("somebody-else");
    return reply;
  }
  absl::StatusOr<authority::v1::AskReply> Ask(const plugin::Call&,
                                              const authority::v1::AskRequest&) override {
    authority::v1::AskReply reply;
    reply.set_validity(static_cast<check::v1::Validity>(99));
    return reply;
  }

 private:
  const std::string name_;
};

// Has two readers with a card on each, and answers for them as it likes: both are in session 1, a
// number that another plugin's first session has too.
class HostileReader final : public plugin::Reader {
 public:
  explicit HostileReader(std::string name) : name_(std::move(name)) {}
  std::string name() const override { return name_; }
  absl::Status Start(const Settings& settings) override {
    reader::v1::Snapshot snapshot;
    snapshot.set_service(reader::v1::SERVICE_RUNNING);
    for (const char* name : {"trap", "other-trap"}) {
      auto* const reader = snapshot.add_reader();
      reader->set_name(name);
      reader->set_presence(reader::v1::PRESENCE_PRESENT);
      reader->set_insertion(1);
    }
    board().Publish(snapshot);
    Misbehave(name_, settings);
    return absl::OkStatus();
  }
  absl::StatusOr<reader::v1::OpenReply> Open(const reader::v1::OpenRequest&) override {
    reader::v1::OpenReply reply;
    reply.set_session(1);
    return reply;
  }
  absl::StatusOr<std::vector<uint8_t>> Transmit(uint64_t, std::span<const uint8_t>) override {
    // Three of them are more than the host takes in one message.
    if (Does(name_, "talks")) return std::vector<uint8_t>(65538 * 5, 0x90);
    if (Does(name_, "nothing")) return std::vector<uint8_t>();
    return std::vector<uint8_t>{0x90, 0x00};
  }
  void Close(uint64_t) override {}

 private:
  const std::string name_;
};

}  // namespace
}  // namespace madoguchi::hostile

int main(int, char** argv) {
  const std::string name = argv[0];
  if (name.rfind("policy", 0) == 0) {
    madoguchi::hostile::HostilePolicy policy(name);
    return madoguchi::plugin::Serve(policy);
  }
  if (name.rfind("authority", 0) == 0) {
    madoguchi::hostile::HostileAuthority authority(name);
    return madoguchi::plugin::Serve(authority);
  }
  madoguchi::hostile::HostileReader reader(name);
  return madoguchi::plugin::Serve(reader);
}
