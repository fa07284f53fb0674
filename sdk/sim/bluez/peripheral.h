#ifndef MADOGUCHI_SDK_SIM_BLUEZ_PERIPHERAL_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_PERIPHERAL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sdk/sim/bluez/faults.h"
#include "sdk/sim/bluez/firmware.h"
#include "sdk/sim/bluez/link.h"
#include "sdk/sim/bluez/profile.h"

namespace madoguchi::bluez {

// A thing with a Bluetooth LE radio: a reader, or (without a firmware) a decoy that is no reader
// and refuses connections. It lives on when bluetoothd does not.
class Peripheral {
 public:
  struct Identity {
    std::string id;       // what the command line and the control socket call it
    std::string address;  // AA:BB:CC:DD:EE:FF
    bool random_address = false;
    std::string name;  // as advertised; empty: none
    int16_t rssi = -60;
    uint32_t passkey = 0;  // 0..999999
    std::string maker, model;
  };

  explicit Peripheral(Identity identity) : identity_(std::move(identity)) {}
  Peripheral(const Peripheral&) = delete;
  Peripheral& operator=(const Peripheral&) = delete;

  // Makes it a reader. The firmware must not be asked for anything by others than this object.
  void Install(std::unique_ptr<Firmware> firmware) { firmware_ = std::move(firmware); }

  const Identity& identity() const { return identity_; }
  Firmware* firmware() { return firmware_.get(); }
  const Firmware* firmware() const { return firmware_.get(); }
  Faults& faults() { return faults_; }
  const Faults& faults() const { return faults_; }

  // Whether a scanner hears it, and what it says: the UUIDs of its services, as advertised.
  bool advertises() const { return in_range_ && !faults_.never_found && link_ == nullptr; }
  std::vector<std::string> advertised() const;
  void Advertise(std::vector<std::string> uuids) { decoy_uuids_ = std::move(uuids); }
  // All its services, as a host that connects finds them.
  Profile profile() const;

  // nullptr when it does not accept: out of range, connected already, a decoy.
  Link* Connect(Central& central);
  Link* link() { return link_.get(); }
  const Link* link() const { return link_.get(); }
  // Both ends are told.
  void EndLink();

  bool in_range() const { return in_range_; }
  // Out of range the link is lost.
  void SetInRange(bool in_range);
  uint8_t battery() const { return battery_; }  // percent
  void SetBattery(uint8_t percent);
  // The faults have changed, or it came: whether it advertises may have changed too.
  void Changed();
  // Called when what a scanner hears of it may have changed.
  void OnChange(std::function<void()> changed) { changed_ = std::move(changed); }

  uint32_t connects() const { return connects_; }  // since the start

 private:
  const Identity identity_;
  std::unique_ptr<Firmware> firmware_;
  Faults faults_;
  std::vector<std::string> decoy_uuids_;
  std::unique_ptr<Link> link_;
  bool in_range_ = true;
  uint8_t battery_ = 100;
  uint32_t connects_ = 0;
  std::function<void()> changed_;
};

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_PERIPHERAL_H_
