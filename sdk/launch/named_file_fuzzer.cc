#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "sdk/launch/named_file.h"

// A plugin's path: the folder that it begins at, a NUL, the path. Whatever it is, what becomes of
// it is absolute, leads nowhere up, and stays the same when it is made so again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const size_t end = bytes.find('\0');
  const std::string folder = "/" + bytes.substr(0, end);
  const std::string path = end == bytes.npos ? "" : bytes.substr(end + 1);
  const std::string normal = madoguchi::Normal(folder, path);
  if (!normal.starts_with('/') || normal.find("//") != normal.npos) abort();
  if ((normal + "/").find("/../") != normal.npos || (normal + "/").find("/./") != normal.npos) {
    abort();
  }
  if (madoguchi::Normal("/", normal) != normal) abort();
  return 0;
}
