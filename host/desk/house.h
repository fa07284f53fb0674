#ifndef MADOGUCHI_HOST_DESK_HOUSE_H_
#define MADOGUCHI_HOST_DESK_HOUSE_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "host/check/counter.h"
#include "host/desk/devices.h"
#include "host/desk/keys.h"

namespace madoguchi {

// What the desk shows of the host. Everything in it is thread-safe and outlives the doors.
struct House {
  std::string host_id;
  std::map<std::string, std::unique_ptr<Counter>> counters;
  ReaderTable* readers = nullptr;
  Devices* devices = nullptr;
  const HostKeys* keys = nullptr;
  std::function<std::vector<desk::v1::PluginRow>()> plugins;
  std::string address;  // of the TCP door, empty without one
};

}  // namespace madoguchi

#endif  // MADOGUCHI_HOST_DESK_HOUSE_H_
