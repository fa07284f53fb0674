#ifndef MADOGUCHI_READERS_BLUETOOTH_FAMILY_H_
#define MADOGUCHI_READERS_BLUETOOTH_FAMILY_H_

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "readers/bluetooth/bluez.h"

namespace madoguchi::bluetooth {

// Readers that speak one language through the same characteristics. UUIDs are in lower case, as
// BlueZ tells them.
struct Family {
  enum class Language { kAcr1255, kCcid };
  const char* maker;
  Language language;
  const char* name_prefix;  // of what such a reader advertises; empty: not known
  const char* service;
  const char* write;
  const char* notify;
  const char* status;  // of the slot; empty: told through `notify`
};

// ACS: Reference Manual and three independent implementations. Feitian: its Android library.
// SpringCard: docs.springcard.com, Host_Interfaces/Bluetooth/CCID; the bonded service first.
std::span<const Family> Families();

// A reader's pipe, once its services are resolved.
struct Pipe {
  const Family* family = nullptr;
  std::string write, notify, status;  // paths; status may be empty
  std::string battery;                // path of the battery level, 2a19; may be empty
  size_t piece = 20;                  // most bytes in one write
};

// The pipe of the device at `path`; nullopt when it has none of the families' services whole.
std::optional<Pipe> FindPipe(const Objects& objects, const std::string& path);

// Whether a device with these properties gives itself out as a reader that is known here.
bool LooksLikeReader(const std::string& name, const std::vector<std::string>& uuids);

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_FAMILY_H_
