#ifndef MADOGUCHI_SDK_SIM_BLUEZ_ADAPTER_H_
#define MADOGUCHI_SDK_SIM_BLUEZ_ADAPTER_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sdk/sim/bluez/device.h"

namespace madoguchi::bluez {

// All that has a radio, in the order in which it is found.
using Air = std::vector<std::unique_ptr<Peripheral>>;

// org.bluez.Adapter1: a Bluetooth controller, and what it has found.
class Adapter {
 public:
  // All outlive the adapter. Devices that are paired are there from the start.
  Adapter(const Device::Daemon& daemon, Air& air, bool powered, bool blocked);
  Adapter(const Adapter&) = delete;
  Adapter& operator=(const Adapter&) = delete;
  // Unplugged: everything is taken from the bus.
  ~Adapter();

  bool powered() const;
  bool discovering() const { return !discoveries_.empty(); }
  void SetPowered(bool powered);
  // Blocked by rfkill: off, and not to be switched on.
  void SetBlocked(bool blocked);
  // What is heard in the air has changed.
  void AirChanged();
  // A connection left the bus.
  void Gone(const std::string& sender);

 private:
  static constexpr char kInterface[] = "org.bluez.Adapter1";
  static constexpr char kPath[] = "/org/bluez/hci0";

  // What SetDiscoveryFilter takes.
  struct Filter {
    std::set<std::string> uuids;  // empty: any
    std::string transport = "auto";
    std::string pattern;  // a name or an address begins so; empty: any
    std::optional<int16_t> rssi;
  };

  void Show(bool powered);
  void StartDiscovery(const Call& call);
  void StopDiscovery(const Call& call);
  void SetDiscoveryFilter(const Call& call);
  void RemoveDevice(const Call& call);
  void Write(const Call& call, const std::string& property, const Value& value);
  void EndDiscovery();
  void Scan();
  void Listen();
  bool Wanted(const Peripheral& peripheral) const;

  const Device::Daemon daemon_;
  Air& air_;
  bool blocked_;
  std::map<std::string, std::unique_ptr<Device>> devices_;  // by address
  std::set<std::string> discoveries_;                       // senders
  std::map<std::string, Filter> filters_;                   // by sender
  Timer scan_;
};

}  // namespace madoguchi::bluez

#endif  // MADOGUCHI_SDK_SIM_BLUEZ_ADAPTER_H_
