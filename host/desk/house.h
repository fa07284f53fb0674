#ifndef MADOGUCHI_HOST_DESK_HOUSE_H_
#define MADOGUCHI_HOST_DESK_HOUSE_H_

#include <map>
#include <memory>
#include <string>

#include "host/check/counter.h"
#include "host/check/errands.h"
#include "host/desk/clerk.h"
#include "host/desk/devices.h"
#include "host/desk/keys.h"
#include "host/loader/plugin_desk.h"

namespace madoguchi {

// What the desk shows of the host. Everything in it is thread-safe and outlives the doors.
struct House {
  std::string host_id;
  std::map<std::string, std::unique_ptr<Counter>> counters;
  ReaderTable* readers = nullptr;
  Devices* devices = nullptr;
  const HostKeys* keys = nullptr;
  PluginDesk* plugins = nullptr;
  const World* world = nullptr;  // its readers, authority and names
  Errands* errands = nullptr;
  const std::unique_ptr<Clerk> clerk = std::make_unique<Clerk>();
  std::string address;  // of the TCP door, empty without one
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_DESK_HOUSE_H_
