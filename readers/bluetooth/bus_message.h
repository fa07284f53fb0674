#ifndef MADOGUCHI_READERS_BLUETOOTH_BUS_MESSAGE_H_
#define MADOGUCHI_READERS_BLUETOOTH_BUS_MESSAGE_H_

#include <span>
#include <string>
#include <vector>

#include "readers/bluetooth/bluez.h"

struct sd_bus_message;

// The values in messages of org.bluez. What is of another type than said makes Read functions
// return false.
namespace madoguchi::bluetooth {

bool ReadText(sd_bus_message* message, char type, std::string* text);        // s or o
bool ReadBytes(sd_bus_message* message, std::vector<uint8_t>* bytes);        // ay
bool ReadStrings(sd_bus_message* message, std::vector<std::string>* texts);  // as
bool ReadProperties(sd_bus_message* message, Properties* properties);        // a{sv}
bool ReadInterfaces(sd_bus_message* message, Interfaces* interfaces);        // a{sa{sv}}
bool ReadObjects(sd_bus_message* message, Objects* objects);                 // a{oa{sa{sv}}}

// The arguments of WriteValue with a response, into a call that has none yet. libsystemd wipes the
// message when it frees it. But the body moves as it grows, and what is left behind is not wiped:
// so the bytes of `piece` are put in last, when the body does not grow any more.
bool AppendWrite(sd_bus_message* message, std::span<const uint8_t> piece);

}  // namespace madoguchi::bluetooth

#endif  // MADOGUCHI_READERS_BLUETOOTH_BUS_MESSAGE_H_
