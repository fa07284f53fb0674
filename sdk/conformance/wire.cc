#include "sdk/conformance/wire.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <random>

namespace madoguchi::conformance {
namespace {

constexpr uint8_t kHeaders = 1, kSettings = 4;
constexpr uint8_t kEndHeaders = 4;

// A header field, literal and never indexed (RFC 7541, section 6.2.3), its strings without Huffman.
std::string Field(const std::string& name, const std::string& value) {
  std::string field(1, '\x10');
  field += static_cast<char>(name.size());
  field += name;
  field += static_cast<char>(value.size());
  return field + value;
}

}  // namespace

std::string Greeting() { return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(kSettings, 0, 0, ""); }

std::string Frame(uint8_t type, uint8_t flags, uint32_t stream, const std::string& payload) {
  const auto byte = [](size_t value) { return static_cast<char>(value & 0xFF); };
  std::string frame = {byte(payload.size() >> 16),
                       byte(payload.size() >> 8),
                       byte(payload.size()),
                       byte(type),
                       byte(flags),
                       byte(stream >> 24),
                       byte(stream >> 16),
                       byte(stream >> 8),
                       byte(stream)};
  return frame + payload;
}

std::string CallHeaders(const std::string& path) {
  return Frame(kHeaders, kEndHeaders, 1,
               Field(":method", "POST") + Field(":scheme", "http") + Field(":path", path) +
                   Field(":authority", "plugin") + Field("te", "trailers") +
                   Field("content-type", "application/grpc"));
}

std::string Noise(size_t size, uint32_t seed) {
  std::minstd_rand random(seed);
  std::string noise(size, '\0');
  for (char& byte : noise) byte = static_cast<char>(random() >> 8);
  return noise;
}

bool WriteAll(int fd, const std::string& bytes, std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  size_t at = 0;
  while (at < bytes.size()) {
    const ssize_t sent =
        send(fd, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      at += static_cast<size_t>(sent);
      continue;
    }
    if (errno != EAGAIN || std::chrono::steady_clock::now() > until) return false;
    pollfd watched{fd, POLLOUT, 0};
    poll(&watched, 1, 20);
  }
  return true;
}

}  // namespace madoguchi::conformance
