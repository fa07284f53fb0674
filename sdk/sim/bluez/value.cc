#include "sdk/sim/bluez/value.h"

#include <unistd.h>

namespace madoguchi::bluez {

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

const char* Value::signature() const {
  static constexpr const char* kSignatures[] = {"b", "y",  "n",  "q",  "u",    "s",
                                                "o", "as", "ao", "ay", "a{sv}"};
  return kSignatures[index()];
}

}  // namespace madoguchi::bluez
