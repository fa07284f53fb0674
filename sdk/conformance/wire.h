#ifndef MADOGUCHI_SDK_CONFORMANCE_WIRE_H_
#define MADOGUCHI_SDK_CONFORMANCE_WIRE_H_

#include <chrono>
#include <string>

// HTTP/2 (RFC 9113) as bytes, for those who send it wrong.
namespace madoguchi::conformance {

// What a client sends first, with an empty SETTINGS frame.
std::string Greeting();
// One frame of stream `stream`.
std::string Frame(uint8_t type, uint8_t flags, uint32_t stream, const std::string& payload);
// The HEADERS frame that opens a gRPC call of `path` on stream 1.
std::string CallHeaders(const std::string& path);
// `size` bytes that are always the same for one `seed`.
std::string Noise(size_t size, uint32_t seed);

// Writes all of `bytes` to the non-blocking `fd`; false when the other side is gone or takes no
// more for `patience`.
bool WriteAll(int fd, const std::string& bytes, std::chrono::milliseconds patience);

}  // namespace madoguchi::conformance

#endif  // MADOGUCHI_SDK_CONFORMANCE_WIRE_H_
