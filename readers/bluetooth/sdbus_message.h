#ifndef MADOGUCHI_READERS_BLUETOOTH_SDBUS_MESSAGE_H_
#define MADOGUCHI_READERS_BLUETOOTH_SDBUS_MESSAGE_H_

#include <sdbus-c++/sdbus-c++.h>
#include <systemd/sd-bus.h>

#include <span>

#include "readers/bluetooth/bluez.h"

// Messages below sdbus-c++, in libsystemd's own calls: it can wipe a message, and skip a value of
// any type. What does not parse makes Read functions return false; none throws.
namespace madoguchi::bluetooth {

// The message that sdbus-c++ 1.x wraps. Stays its.
sd_bus_message* RawOf(sdbus::Message& message);

bool ReadBytes(sd_bus_message* message, std::vector<uint8_t>* bytes);        // ay
bool ReadStrings(sd_bus_message* message, std::vector<std::string>* texts);  // as
bool ReadProperties(sd_bus_message* message, Properties* properties);        // a{sv}
bool ReadInterfaces(sd_bus_message* message, Interfaces* interfaces);        // a{sa{sv}}
bool ReadObjects(sd_bus_message* message, Objects* objects);                 // a{oa{sa{sv}}}
// A string or an object path.
bool ReadText(sd_bus_message* message, char type, std::string* text);

// The arguments of WriteValue with a response, into a call that has none yet. The message is wiped
// when libsystemd frees it; appended to in one page, it is never moved before.
bool AppendWrite(sd_bus_message* message, std::span<const uint8_t> piece);

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_SDBUS_MESSAGE_H_
