#ifndef MADOGUCHI_SDK_SIM_BLUEZ_MESSAGE_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_MESSAGE_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sdk/sim/bluez/value.h"

struct sd_bus_message;

// Values into and out of sd-bus's messages: bus.cc's alone.
namespace madoguchi::bluez {

void Append(sd_bus_message* message, const Value& value);
// With the variant around it (v).
void AppendVariant(sd_bus_message* message, const Value& value);
// a{sv}
void AppendDict(sd_bus_message* message, const Dict& dict);
// a{sa{sv}}: interfaces and their properties.
void AppendInterfaces(sd_bus_message* message, const std::map<std::string, Dict>& interfaces);
// as
void AppendStrings(sd_bus_message* message, const std::vector<std::string>& strings);

// All values of a message that came, in order; nullopt when one of them Read does not know.
std::optional<std::vector<Value>> ReadAll(sd_bus_message* message);
// The next value of a message that came, without the variant around it; nullopt when it is of a
// type that Value has not. Entries of such types in a dictionary are left out.
std::optional<Value> Read(sd_bus_message* message);

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_MESSAGE_H_
