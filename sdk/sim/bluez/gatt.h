#ifndef MADOGUCHI_SDK_SIM_BLUEZ_GATT_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_GATT_H_

#include <memory>
#include <string>
#include <vector>

#include "sdk/sim/bluez/characteristic.h"

namespace madoguchi::bluez {

// The GATT objects of one device, `.../serviceHHHH/charHHHH/descHHHH`. They stay when the link
// goes, as bluetoothd keeps them in its cache.
class GattTree {
 public:
  GattTree(Tree& tree, Loop& loop, const Timing& timing, std::string device)
      : host_{tree, loop, timing}, device_(std::move(device)) {}
  ~GattTree() { Remove(); }

  // Makes objects of the services, unless they are there already.
  void Export(const Profile& profile);
  void Remove();

  // Services are resolved: calls go to the link from now on.
  void LinkUp(Link& link, bool may_access);
  void LinkLost();
  void Allow() { host_.may_access = true; }
  void Gone(const std::string& sender);
  void Notified(Pipe pipe, const Bytes& value);

 private:
  GattHost host_;
  const std::string device_;
  Profile exported_;
  std::vector<std::string> services_;
  std::vector<std::unique_ptr<Characteristic>> characteristics_;
};

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_GATT_H_
