// The D-Bus protocol by hand, as one would who has no use for a library's manners
// (https://dbus.freedesktop.org/doc/dbus-specification.html).
#include "tests/hostile/bus_call.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

namespace madoguchi::hostile {
namespace {

constexpr char kReply = 2, kError = 3;

void Align(std::string& bytes, size_t to) { bytes.resize((bytes.size() + to - 1) / to * to); }

void PutNumber(std::string& bytes, uint32_t number) {
  Align(bytes, sizeof(number));
  bytes.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

void PutText(std::string& bytes, const std::string& text) {
  PutNumber(bytes, static_cast<uint32_t>(text.size()));
  bytes.append(text.c_str(), text.size() + 1);
}

// A field of the header: its number, and a variant of `type`.
void PutField(std::string& fields, char number, char type, const std::string& value) {
  Align(fields, 8);
  fields += {number, 1, type, 0};
  if (type != 'g') return PutText(fields, value);
  fields += static_cast<char>(value.size());
  fields.append(value.c_str(), value.size() + 1);
}

std::string Message(const BusCall& call, uint32_t serial) {
  std::string body;
  if (!call.signature.empty()) PutText(body, call.argument);
  if (call.signature == "su") PutNumber(body, 0);
  std::string fields;
  PutField(fields, 1, 'o', call.path);
  PutField(fields, 2, 's', call.interface);
  PutField(fields, 3, 's', call.member);
  PutField(fields, 6, 's', call.destination);
  if (!call.signature.empty()) PutField(fields, 8, 'g', call.signature);
  const uint16_t one = 1;
  const bool little = *reinterpret_cast<const char*>(&one) == 1;
  std::string message = {little ? 'l' : 'B', 1, 0, 1};
  PutNumber(message, static_cast<uint32_t>(body.size()));
  PutNumber(message, serial);
  PutNumber(message, static_cast<uint32_t>(fields.size()));
  message += fields;
  Align(message, 8);
  return message + body;
}

bool Send(int fd, const std::string& bytes) {
  return send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

std::string Receive(int fd, size_t size) {
  std::string bytes(size, '\0');
  for (size_t at = 0; at < size;) {
    const ssize_t got = recv(fd, bytes.data() + at, size - at, 0);
    if (got <= 0) return "";
    at += static_cast<size_t>(got);
  }
  return bytes;
}

// The type of the next message that answers a call; 0 when none comes.
char NextAnswer(int fd) {
  while (true) {
    const std::string head = Receive(fd, 16);
    if (head.empty()) return 0;
    uint32_t body, fields;
    std::memcpy(&body, head.data() + 4, sizeof(body));
    std::memcpy(&fields, head.data() + 12, sizeof(fields));
    const size_t rest = (fields + 7) / 8 * 8 + body;
    if (rest > 0 && Receive(fd, rest).empty()) return 0;
    if (head[1] == kReply || head[1] == kError) return head[1];
  }
}

bool LogIn(int fd) {
  std::string user;
  for (const char digit : std::to_string(geteuid())) user += std::string("3") + digit;
  if (!Send(fd, std::string(1, '\0') + "AUTH EXTERNAL " + user + "\r\n")) return false;
  std::string line;
  while (!line.ends_with("\r\n")) {
    const std::string next = Receive(fd, 1);
    if (next.empty()) return false;
    line += next;
  }
  const char* const bus = "org.freedesktop.DBus";
  return line.starts_with("OK ") && Send(fd, "BEGIN\r\n") &&
         Send(fd, Message({bus, "/org/freedesktop/DBus", bus, "Hello", "", ""}, 1)) &&
         NextAnswer(fd) == kReply;
}

}  // namespace

long Call(const std::string& socket_path, const BusCall& call) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket_path.c_str(), sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const timeval patience{10, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  char answer = 0;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 && LogIn(fd) &&
      Send(fd, Message(call, 2))) {
    answer = NextAnswer(fd);
  }
  close(fd);
  errno = answer == kError ? EPERM : ENOTCONN;
  return answer == kReply ? 0 : -1;
}

}  // namespace madoguchi::hostile
