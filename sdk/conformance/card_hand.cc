#include "sdk/conformance/card_hand.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace madoguchi::conformance {
namespace {

constexpr int kCannot = 77;
constexpr std::chrono::seconds kPatience(30);

// The line that is answered to `line` at the socket `path`; empty when nobody answers.
std::string Say(const std::string& path, std::string line) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return "TMPDIR is too long";
  std::copy(path.begin(), path.end(), address.sun_path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{5, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  std::string answer;
  line += "\n";
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      send(fd, line.data(), line.size(), MSG_NOSIGNAL) > 0) {
    char byte;
    while (recv(fd, &byte, 1, 0) == 1 && byte != '\n') answer += byte;
  }
  close(fd);
  return answer;
}

class CommandHand final : public CardHand {
 public:
  CommandHand(std::string program, std::string scratch)
      : program_(std::move(program)), log_(std::move(scratch) + "/card-command.log") {}
  absl::Status Lay() override { return Run("lay"); }
  absl::Status Take() override { return Run("take"); }
  absl::Status Restart() override { return Run("restart"); }
  absl::Status Slow(bool) override { return absl::UnimplementedError("no word for it"); }
  absl::Status Type() override { return Run("type"); }
  absl::Status CancelTyping() override { return Run("cancel"); }

 private:
  absl::Status Run(const std::string& word) {
    const std::string words = program_ + " " + word;
    auto program = Program::Run({program_, word}, log_, /*await_ready=*/false);
    if (!program.ok()) return program.status();
    const auto status = (*program)->Wait(kPatience);
    if (!status) return absl::DeadlineExceededError(words + " did not end within 30 s");
    if (*status == 0) return absl::OkStatus();
    if (*status == kCannot) return absl::UnimplementedError(words + " says that it cannot");
    return absl::UnavailableError(words + " ended with status " + std::to_string(*status) + ": " +
                                  (*program)->Output());
  }

  const std::string program_, log_;
};

class SimulatorHand final : public CardHand {
 public:
  SimulatorHand(std::string binary, std::string place, std::string folder, std::string scratch)
      : binary_(std::move(binary)),
        place_(std::move(place)),
        folder_(std::move(folder)),
        scratch_(std::move(scratch)) {}

  absl::Status Lay() override {
    if (card_ != nullptr) return Tell("insert");
    const bool port = place_.find_first_not_of("0123456789") == std::string::npos;
    auto card = Program::Run(
        {binary_, "--dir", folder_, port ? "--port" : "--socket", place_, "--control", Control()},
        scratch_ + "/card.log");
    if (!card.ok()) return card.status();
    card_ = *std::move(card);
    return absl::OkStatus();
  }
  absl::Status Take() override { return card_ == nullptr ? absl::OkStatus() : Tell("remove"); }
  absl::Status Restart() override {
    // To a reader whose cards are processes that is all the hardware there is.
    if (card_ != nullptr) card_->End(SIGKILL);
    card_.reset();
    return Lay();
  }
  absl::Status Slow(bool slow) override { return Tell(slow ? "fault slow=500" : "faults clear"); }
  absl::Status Type() override { return Press("4071"); }
  absl::Status CancelTyping() override { return Press("cancel"); }

 private:
  std::string Control() const { return scratch_ + "/card.control"; }

  absl::Status Tell(const std::string& command) const {
    const std::string answer = Say(Control(), command);
    if (answer == "ok") return absl::OkStatus();
    return absl::UnavailableError("madoguchi-card: " + command + ": " + answer);
  }

  absl::Status Press(const std::string& keys) const {
    const size_t name = place_.rfind("reader-");
    if (name == std::string::npos) return absl::UnimplementedError("no pad is known here");
    const std::string pad = std::string(place_).replace(name, std::strlen("reader-"), "pad-");
    if (Say(pad, keys) == "ok") return absl::OkStatus();
    return absl::UnavailableError(pad + " does not take keys");
  }

  const std::string binary_, place_, folder_, scratch_;
  std::unique_ptr<Program> card_;
};

}  // namespace

std::unique_ptr<CardHand> HandOfCommand(const std::string& program, const std::string& scratch) {
  return std::make_unique<CommandHand>(program, scratch);
}

std::unique_ptr<CardHand> HandOfSimulator(const std::string& binary, const std::string& place,
                                          const std::string& folder, const std::string& scratch) {
  return std::make_unique<SimulatorHand>(binary, place, folder, scratch);
}

}  // namespace madoguchi::conformance
