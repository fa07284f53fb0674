#include "sdk/sim/bluez/adapter.h"

#include <algorithm>
#include <utility>

namespace madoguchi::bluez {
namespace {

constexpr char kAddress[] = "00:00:5E:00:53:01";
constexpr char kName[] = "madoguchi-bluez";

void FailNotReady(const Call& call) { call.FailBluez("NotReady", "Resource Not Ready"); }

void FailInvalid(const Call& call) {
  call.FailBluez("InvalidArguments", "Invalid arguments in method call");
}

}  // namespace

Adapter::Adapter(const Device::Daemon& daemon, Air& air, bool powered, bool blocked)
    : daemon_(daemon), air_(air), blocked_(blocked), scan_(daemon.loop.timers()) {
  Show(powered && !blocked);
  for (const auto& peripheral : air_) {
    const std::string& address = peripheral->identity().address;
    if (!daemon_.storage.paired.contains(address)) continue;
    devices_[address] = std::make_unique<Device>(daemon_, kPath, *peripheral);
    devices_[address]->Forgotten();
  }
}

Adapter::~Adapter() {
  devices_.clear();
  daemon_.tree.Remove(kPath);
}

void Adapter::Show(bool powered) {
  Tree::Interface shown;
  shown.properties = {
      {"Address", std::string(kAddress)},
      {"AddressType", std::string("public")},
      {"Name", std::string(kName)},
      {"Alias", std::string(kName)},
      {"Class", uint32_t{0}},
      {"Powered", powered},
      {"Discoverable", false},
      {"DiscoverableTimeout", uint32_t{180}},
      {"Pairable", true},
      {"PairableTimeout", uint32_t{0}},
      {"Discovering", false},
      {"UUIDs", std::vector<std::string>{SigUuid("1800"), SigUuid("1801"), SigUuid("180a")}},
      {"Modalias", std::string("usb:v1D6Bp0246d0542")},
      {"Roles", std::vector<std::string>{"central", "peripheral"}}};
  const auto method = [this](void (Adapter::*what)(const Call&)) {
    return [this, what](const Call& call) { (this->*what)(call); };
  };
  const std::vector<std::string> filters = {
      "UUIDs", "RSSI", "Pathloss", "Transport", "DuplicateData", "Discoverable", "Pattern"};
  shown.methods = {
      {"StartDiscovery", {"", "", method(&Adapter::StartDiscovery)}},
      {"StopDiscovery", {"", "", method(&Adapter::StopDiscovery)}},
      {"SetDiscoveryFilter", {"a{sv}", "", method(&Adapter::SetDiscoveryFilter)}},
      {"GetDiscoveryFilters", {"", "as", [filters](const Call& call) { call.Reply({filters}); }}},
      {"RemoveDevice", {"o", "", method(&Adapter::RemoveDevice)}}};
  for (const char* property :
       {"Powered", "Discoverable", "DiscoverableTimeout", "Pairable", "PairableTimeout", "Alias"}) {
    shown.setters[property] = [this, property](const Call& call, const Value& value) {
      Write(call, property, value);
    };
  }
  daemon_.tree.Add(kPath, kInterface, std::move(shown));
}

bool Adapter::powered() const {
  return std::get<bool>(*daemon_.tree.Find(kPath, kInterface, "Powered"));
}

void Adapter::Write(const Call& call, const std::string& property, const Value& value) {
  if (property != "Powered") {
    call.Reply();
    daemon_.tree.Set(kPath, kInterface, {{property, value}});
    return;
  }
  const bool on = std::get<bool>(value);
  if (on && blocked_) return call.FailBluez("Blocked", "Blocked through rfkill");
  SetPowered(on);
  call.Reply();
}

void Adapter::SetPowered(bool on) {
  if (!on) {
    for (const auto& [_, device] : devices_) device->PowerLost();
    discoveries_.clear();
    EndDiscovery();
  }
  daemon_.tree.Set(kPath, kInterface, {{"Powered", on}});
}

void Adapter::SetBlocked(bool blocked) {
  blocked_ = blocked;
  if (blocked) SetPowered(false);
}

void Adapter::StartDiscovery(const Call& call) {
  if (!powered()) return FailNotReady(call);
  if (discoveries_.contains(call.sender())) {
    return call.FailBluez("InProgress", "Operation already in progress");
  }
  discoveries_.insert(call.sender());
  call.Reply();
  daemon_.tree.Set(kPath, kInterface, {{"Discovering", true}});
  Listen();
}

void Adapter::StopDiscovery(const Call& call) {
  if (!powered()) return FailNotReady(call);
  if (discoveries_.erase(call.sender()) == 0) {
    return call.FailBluez("Failed", "No discovery started");
  }
  if (discoveries_.empty()) EndDiscovery();
  call.Reply();
}

void Adapter::EndDiscovery() {
  scan_.Stop();
  for (const auto& [_, device] : devices_) device->Forgotten();
  daemon_.tree.Set(kPath, kInterface, {{"Discovering", false}});
}

void Adapter::SetDiscoveryFilter(const Call& call) {
  Filter filter;
  const Dict& wanted = std::get<Dict>((*call.arguments())[0]);
  for (const auto& [name, value] : wanted) {
    bool taken = true;
    if (name == "UUIDs") {
      const auto* uuids = std::get_if<std::vector<std::string>>(&value);
      taken = uuids != nullptr;
      if (taken) filter.uuids.insert(uuids->begin(), uuids->end());
    } else if (name == "Transport") {
      const auto* transport = std::get_if<std::string>(&value);
      taken = transport != nullptr &&
              (*transport == "auto" || *transport == "le" || *transport == "bredr");
      if (taken) filter.transport = *transport;
    } else if (name == "Pattern") {
      const auto* pattern = std::get_if<std::string>(&value);
      taken = pattern != nullptr;
      if (taken) filter.pattern = *pattern;
    } else if (name == "RSSI") {
      const auto* rssi = std::get_if<int16_t>(&value);
      taken = rssi != nullptr;
      if (taken) filter.rssi = *rssi;
    } else {
      taken = name == "Pathloss" || name == "DuplicateData" || name == "Discoverable";
    }
    if (!taken) return FailInvalid(call);
  }
  if (wanted.empty()) {
    filters_.erase(call.sender());
  } else {
    filters_[call.sender()] = filter;
  }
  call.Reply();
  if (discovering()) Listen();
}

void Adapter::RemoveDevice(const Call& call) {
  const auto& path = std::get<ObjectPath>((*call.arguments())[0]).path;
  const auto device = std::find_if(devices_.begin(), devices_.end(),
                                   [&](const auto& one) { return one.second->path() == path; });
  if (device == devices_.end()) return call.FailBluez("DoesNotExist", "Does Not Exist");
  device->second->Forget();
  devices_.erase(device);
  call.Reply();
  if (discovering()) Listen();  // It is found again.
}

void Adapter::AirChanged() {
  if (discovering()) Listen();
}

void Adapter::Listen() {
  if (!scan_.runs()) scan_.Start(daemon_.timing.scan, [this] { Scan(); });
}

// Whoever discovers sees what any of them asked for, as with bluetoothd.
bool Adapter::Wanted(const Peripheral& peripheral) const {
  const Peripheral::Identity& identity = peripheral.identity();
  return std::any_of(discoveries_.begin(), discoveries_.end(), [&](const std::string& sender) {
    const auto found = filters_.find(sender);
    if (found == filters_.end()) return true;
    const Filter& filter = found->second;
    if (filter.transport == "bredr") return false;
    if (filter.rssi && identity.rssi < *filter.rssi) return false;
    if (!filter.pattern.empty() && !identity.name.starts_with(filter.pattern) &&
        !identity.address.starts_with(filter.pattern)) {
      return false;
    }
    const std::vector<std::string> uuids = peripheral.advertised();
    return filter.uuids.empty() ||
           std::any_of(uuids.begin(), uuids.end(),
                       [&](const std::string& uuid) { return filter.uuids.contains(uuid); });
  });
}

void Adapter::Scan() {
  for (const auto& peripheral : air_) {
    if (!peripheral->advertises() || !Wanted(*peripheral)) continue;
    std::unique_ptr<Device>& device = devices_[peripheral->identity().address];
    if (device == nullptr) {
      device = std::make_unique<Device>(daemon_, kPath, *peripheral);
    } else {
      device->Heard();
    }
  }
}

void Adapter::Gone(const std::string& sender) {
  filters_.erase(sender);
  if (discoveries_.erase(sender) > 0 && discoveries_.empty()) EndDiscovery();
  for (const auto& [_, device] : devices_) device->Gone(sender);
}

}  // namespace madoguchi::bluez
