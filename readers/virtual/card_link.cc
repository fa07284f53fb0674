#include "readers/virtual/card_link.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "sdk/failure/failure.h"

namespace madoguchi::vpcd {
namespace {

absl::Status Gone() {
  return FailureStatus(check::v1::FAILURE_CODE_CARD_GONE, "the card closed its connection");
}

absl::Status Invalid(const std::string& detail) {
  return FailureStatus(check::v1::FAILURE_CODE_CARD_ANSWER_INVALID, detail);
}

absl::Status Cancelled() {
  return FailureStatus(check::v1::FAILURE_CODE_CANCELLED, "the session was closed");
}

}  // namespace

CardLink::~CardLink() { close(fd_); }

bool CardLink::Send(std::initializer_list<Control> controls) {
  std::vector<uint8_t> bytes;
  for (const Control control : controls) {
    bytes.insert(bytes.end(), {0, 1, static_cast<uint8_t>(control)});
  }
  const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent == static_cast<ssize_t>(bytes.size());
}

CardLink::Look CardLink::Receive() {
  std::array<uint8_t, 4096> buffer;
  ssize_t size;
  do {
    size = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  } while (size < 0 && errno == EINTR);
  if (size < 0 && errno == EAGAIN) return Look::kNothing;
  if (size <= 0) return Look::kGone;
  decoder_.Feed({buffer.data(), static_cast<size_t>(size)});
  return Look::kSome;
}

bool CardLink::HungUp() const {
  pollfd watched{fd_, POLLRDHUP, 0};
  return poll(&watched, 1, 0) > 0;
}

bool CardLink::Await(short events, int cancelled) {
  std::array<pollfd, 2> watched = {pollfd{fd_, events, 0}, pollfd{cancelled, POLLIN, 0}};
  while (poll(watched.data(), watched.size(), -1) < 0 && errno == EINTR) {
  }
  return watched[1].revents == 0;
}

absl::StatusOr<std::vector<uint8_t>> CardLink::Exchange(std::span<const uint8_t> command,
                                                        int cancelled, End* end) {
  *end = End::kBroken;
  if (Receive() == Look::kGone) return Gone();
  if (!decoder_.empty()) return Invalid("the card spoke before it was asked");

  std::array<uint8_t, kLengthSize> length;
  PutLength(command.size(), length);
  std::array<iovec, 2> pieces = {
      iovec{length.data(), length.size()},
      iovec{const_cast<uint8_t*>(command.data()), command.size()},
  };
  const size_t whole = kLengthSize + command.size();
  size_t sent = 0;
  while (sent < whole) {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    const ssize_t size = sendmsg(fd_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size >= 0) {
      sent += size;
      size_t over = size;
      for (iovec& piece : pieces) {
        const size_t part = std::min(over, piece.iov_len);
        piece.iov_base = static_cast<uint8_t*>(piece.iov_base) + part;
        piece.iov_len -= part;
        over -= part;
      }
    } else if (errno == EAGAIN) {
      if (!Await(POLLOUT, cancelled)) return Cancelled();
    } else if (errno != EINTR) {
      return Gone();
    }
  }

  std::optional<std::vector<uint8_t>> answer;
  while (!(answer = decoder_.Next()).has_value()) {
    if (!Await(POLLIN, cancelled)) {
      *end = End::kAbandoned;
      return Cancelled();
    }
    if (Receive() == Look::kGone) return Gone();
  }
  *end = End::kAnswered;
  if (answer->size() < 2) return Invalid("the card answered without SW1 SW2");
  return *std::move(answer);
}

}  // namespace madoguchi::vpcd
