// Whatever the bytes, protobuf takes the line for a string, and it is no longer than was asked.
#include <cstdint>
#include <cstdlib>

#include "madoguchi/check/v1/failure.pb.h"
#include "sdk/failure/plain_line.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string line = madoguchi::PlainLine(bytes, data[0]);
  if (line.size() > data[0] || madoguchi::PlainLine(line) != line) std::abort();
  madoguchi::check::v1::Failure failure;
  failure.set_detail(line);
  if (!failure.ParseFromString(failure.SerializeAsString())) std::abort();
  return 0;
}
