#ifndef MADOGUCHI_HOST_UTC_NOW_H_
#define MADOGUCHI_HOST_UTC_NOW_H_

#include <ctime>
#include <string>

namespace madoguchi {

// RFC 3339, to the second.
inline std::string UtcNow() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_UTC_NOW_H_
