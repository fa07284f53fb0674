#ifndef MADOGUCHI_SDK_SIM_BLUEZ_VALUE_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_VALUE_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace madoguchi::bluez {

using Bytes = std::vector<uint8_t>;

struct ObjectPath {
  std::string path;
  bool operator==(const ObjectPath&) const = default;
};

// An open descriptor that is closed with its owner; what a call hands over (D-Bus type h).
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  int fd() const { return fd_; }

 private:
  int fd_;
};

// The D-Bus values that org.bluez has: b y n q u s o as ao ay a{sv} (and a{sv} in a variant).
struct Value;
using Dict = std::map<std::string, Value>;
struct Value : std::variant<bool, uint8_t, int16_t, uint16_t, uint32_t, std::string, ObjectPath,
                            std::vector<std::string>, std::vector<ObjectPath>, Bytes, Dict> {
  using variant::variant;
  // The D-Bus signature of what it holds.
  const char* signature() const;
};

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_VALUE_H_
