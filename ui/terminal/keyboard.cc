#include "ui/terminal/keyboard.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "sdk/secret/seal.h"

namespace madoguchi::terminal {
namespace {

constexpr size_t kPinRoom = kLongestPin + 1;
constexpr size_t kLongestLine = 1024;
constexpr uint8_t kBackspace = 0x08, kDelete = 0x7F, kKillLine = 0x15, kEndOfInput = 0x04;

// Waits for a byte at `fd`: kLine when there is one to read.
Typed WaitFor(int fd, Bell* bell) {
  for (;;) {
    pollfd fds[] = {{.fd = bell->fd(), .events = POLLIN, .revents = 0},
                    {.fd = fd, .events = POLLIN, .revents = 0}};
    const int n = poll(fds, 2, -1);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Typed::kEnd;
    if (fds[0].revents != 0) return Typed::kWoken;
    if (fds[1].revents != 0) return Typed::kLine;
  }
}

// One byte. False at the end of the input.
bool ReadByte(int fd, uint8_t* byte) {
  ssize_t n;
  do {
    n = read(fd, byte, 1);
  } while (n < 0 && errno == EINTR);
  return n == 1;
}

}  // namespace

DescriptorKeyboard::DescriptorKeyboard(int answer_fd, int pin_fd)
    : answer_fd_(answer_fd), pin_fd_(pin_fd) {}

DescriptorKeyboard::~DescriptorKeyboard() {
  EndPin();
  if (terminal_fd_ >= 0) close(terminal_fd_);
}

int DescriptorKeyboard::Terminal() {
  if (pin_fd_ != answer_fd_ && isatty(answer_fd_)) return answer_fd_;
  if (terminal_fd_ < 0) terminal_fd_ = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  return terminal_fd_;
}

bool DescriptorKeyboard::BeginPin() {
  EndPin();
  absl::StatusOr<Secret> room = Secret::OfSize(kPinRoom);
  typing_fd_ = pin_fd_ >= 0 ? pin_fd_ : Terminal();
  if (typing_fd_ < 0 || !room.ok()) return false;
  pin_ = *std::move(room);
  // A pipe needs no hiding; a terminal that cannot be hidden gets no PIN.
  if (!isatty(typing_fd_)) return true;
  if (tcgetattr(typing_fd_, &shown_) != 0) return false;
  termios hidden = shown_;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL | ICANON);
  hidden.c_cc[VMIN] = 1;
  hidden.c_cc[VTIME] = 0;
  hidden.c_cc[VSUSP] = _POSIX_VDISABLE;  // Ctrl-Z would leave the shell without echo.
  // Not TCSAFLUSH: it would wait for the output, for ever at a terminal that was stopped.
  hidden_ = tcsetattr(typing_fd_, TCSANOW, &hidden) == 0;
  if (hidden_) tcflush(typing_fd_, TCIFLUSH);
  return hidden_;
}

void DescriptorKeyboard::EndPin() {
  // Flushed, so that half a PIN does not end in the shell's history.
  if (hidden_) {
    tcflush(typing_fd_, TCIFLUSH);
    tcsetattr(typing_fd_, TCSANOW, &shown_);
  }
  hidden_ = false;
  typing_fd_ = -1;
  pin_.Wipe();
  typed_ = 0;
}

Typed DescriptorKeyboard::ReadPin(Bell* bell, Secret* pin) {
  if (pin_.empty()) return Typed::kEnd;
  uint8_t extra = 0;  // Where bytes go that no PIN can have room for.
  for (;;) {
    const Typed waited = WaitFor(typing_fd_, bell);
    if (waited != Typed::kLine) return waited;
    uint8_t* const byte = typed_ < kPinRoom ? &pin_.bytes()[typed_] : &extra;
    const bool end = !ReadByte(typing_fd_, byte);
    if (end && typed_ == 0) return Typed::kEnd;
    const uint8_t key = end ? '\n' : *byte;
    if (hidden_ && key == kEndOfInput && typed_ == 0) return Typed::kEnd;
    if (key == '\n' || (key == '\r' && hidden_)) break;
    if (key == '\r') {
      *byte = 0;  // The end of a line as some programs write it.
    } else if (hidden_ && (key == kBackspace || key == kDelete)) {
      if (typed_ > 0) --typed_;
      Wipe(pin_.bytes().subspan(typed_));
    } else if (hidden_ && key == kKillLine) {
      typed_ = 0;
      Wipe(pin_.bytes());
    } else if (typed_ < kPinRoom) {
      ++typed_;
    }
    Wipe({&extra, 1});
  }
  if (typed_ == 0) {
    pin->Wipe();
  } else {
    pin_.Shrink(typed_);
    *pin = std::move(pin_);
  }
  typed_ = 0;
  pin_.Wipe();
  absl::StatusOr<Secret> room = Secret::OfSize(kPinRoom);
  if (room.ok()) pin_ = *std::move(room);
  WipeStackBelow();
  return Typed::kLine;
}

Typed DescriptorKeyboard::ReadLine(Bell* bell, std::string* line) {
  // The descriptor of the PINs is never read as anything else.
  const int fd = answer_fd_ == pin_fd_ ? Terminal() : answer_fd_;
  if (fd < 0) return Typed::kEnd;
  for (;;) {
    const Typed waited = WaitFor(fd, bell);
    if (waited != Typed::kLine) return waited;
    uint8_t byte = 0;
    const bool end = !ReadByte(fd, &byte);
    if (end && line_.empty()) return Typed::kEnd;
    if (end || byte == '\n') break;
    if (byte != '\r' && line_.size() < kLongestLine) line_.push_back(static_cast<char>(byte));
  }
  *line = std::exchange(line_, "");
  return Typed::kLine;
}

}  // namespace madoguchi::terminal
