#ifndef MADOGUCHI_HOST_UTC_NOW_H_
#define MADOGUCHI_HOST_UTC_NOW_H_

#include <ctime>
#include <string>

namespace madoguchi {

// RFC 3339, to the second.
inline std::string UtcText(std::time_t time) {
  std::tm utc{};
  if (gmtime_r(&time, &utc) == nullptr) return "";  // a year that has no number
  char text[32];
  return std::string(text, std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc));
}

inline std::string UtcNow() { return UtcText(std::time(nullptr)); }

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_UTC_NOW_H_
