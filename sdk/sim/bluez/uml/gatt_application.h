#ifndef MADOGUCHI_SDK_SIM_BLUEZ_UML_GATT_APPLICATION_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_UML_GATT_APPLICATION_H_

#include <map>
#include <set>
#include <string>

#include "sdk/sim/bluez/bus.h"
#include "sdk/sim/bluez/peripheral.h"
#include "sdk/sim/bluez/tree.h"

namespace madoguchi::bluez {

// An emulated reader as a GATT server of a real bluetoothd: what it offers at one of the adapters,
// to whoever connects over the air. The other end of the same daemon, on another adapter, may be
// its host.
class GattApplication : public Central {
 public:
  // All outlive it. `adapter` is a path, /org/bluez/hci1; it may come later. Says `ready` on
  // stdout when it advertises for the first time.
  GattApplication(Bus& bus, Loop& loop, Peripheral& peripheral, std::string adapter);

  void Notified(Pipe pipe, const Bytes& value) override;
  void LinkLost() override;

 private:
  void Export(const Profile& profile);
  void AddCharacteristic(const std::string& path, const std::string& service,
                         const GattCharacteristic& made);
  void Register();
  void Advertise();
  void Hear(const Bus::Signal& signal);

  Bus& bus_;
  Tree tree_;
  Peripheral& peripheral_;
  const std::string adapter_;
  Timer again_;
  std::map<Pipe, std::string> paths_;  // of the characteristics that notify
  std::set<Pipe> notifying_;
  std::string host_;  // the path of the device that is connected; empty: none
  bool said_ready_ = false;
};

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_UML_GATT_APPLICATION_H_
