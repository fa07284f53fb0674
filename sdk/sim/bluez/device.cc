#include "sdk/sim/bluez/device.h"

#include <algorithm>
#include <utility>

namespace madoguchi::bluez {
namespace {

constexpr char kBattery[] = "org.bluez.Battery1";

std::string DevicePath(const std::string& adapter, std::string address) {
  std::replace(address.begin(), address.end(), ':', '_');
  return adapter + "/dev_" + address;
}

}  // namespace

Device::Device(const Daemon& daemon, std::string adapter, Peripheral& peripheral)
    : daemon_(daemon),
      adapter_(std::move(adapter)),
      path_(DevicePath(adapter_, peripheral.identity().address)),
      peripheral_(peripheral),
      gatt_(daemon.tree, daemon.loop, daemon.timing, path_),
      progress_(daemon.loop.timers()) {
  Show();
}

Device::~Device() {
  PowerLost();
  gatt_.Remove();
  daemon_.tree.Remove(path_);
}

bool Device::paired() const {
  return daemon_.storage.paired.contains(peripheral_.identity().address);
}

void Device::Show() {
  const Peripheral::Identity& identity = peripheral_.identity();
  std::string dashed = identity.address;
  std::replace(dashed.begin(), dashed.end(), ':', '-');
  Tree::Interface shown;
  shown.properties = {{"Address", identity.address},
                      {"AddressType", std::string(identity.random_address ? "random" : "public")},
                      {"Alias", identity.name.empty() ? dashed : identity.name},
                      {"Paired", paired()},
                      {"Bonded", paired()},
                      {"Trusted", daemon_.storage.trusted.contains(identity.address)},
                      {"Blocked", false},
                      {"LegacyPairing", false},
                      {"Connected", false},
                      {"UUIDs", peripheral_.advertised()},
                      {"Adapter", ObjectPath{adapter_}},
                      {"ServicesResolved", false}};
  if (!identity.name.empty()) shown.properties.emplace("Name", identity.name);
  if (peripheral_.advertises()) shown.properties.emplace("RSSI", identity.rssi);
  const auto method = [this](void (Device::*what)(const Call&)) {
    return [this, what](const Call& call) { (this->*what)(call); };
  };
  shown.methods = {{"Connect", {"", "", method(&Device::Connect)}},
                   {"Disconnect", {"", "", method(&Device::Disconnect)}},
                   {"Pair", {"", "", method(&Device::Pair)}},
                   {"CancelPairing", {"", "", method(&Device::CancelPairing)}}};
  for (const char* property : {"Alias", "Trusted", "Blocked"}) {
    shown.setters[property] = [this, property](const Call& call, const Value& value) {
      Write(call, property, value);
    };
  }
  daemon_.tree.Add(path_, kInterface, std::move(shown));
}

void Device::Write(const Call& call, const std::string& property, const Value& value) {
  if (property == "Trusted") {
    if (std::get<bool>(value)) {
      daemon_.storage.trusted.insert(peripheral_.identity().address);
    } else {
      daemon_.storage.trusted.erase(peripheral_.identity().address);
    }
  }
  call.Reply();
  daemon_.tree.Set(path_, kInterface, {{property, value}});
}

void Device::Heard() {
  daemon_.tree.Set(path_, kInterface, {{"RSSI", peripheral_.identity().rssi}});
}

void Device::Connect(const Call& call) {
  const Value* powered = daemon_.tree.Find(adapter_, "org.bluez.Adapter1", "Powered");
  if (powered == nullptr || !std::get<bool>(*powered)) {
    return call.FailBluez("NotReady", "Resource Not Ready");
  }
  if (connecting_ || pairing_) {
    return call.FailBluez("InProgress", "Operation already in progress");
  }
  if (link_ != nullptr) return call.Reply();
  connecting_ = call;
  BeginConnecting();
}

void Device::BeginConnecting() {
  Faults& faults = peripheral_.faults();
  if (faults.fail_connects > 0) {
    --faults.fail_connects;
    progress_.Start(daemon_.timing.connect,
                    [this] { EndConnecting("le-connection-abort-by-local"); });
  } else if (peripheral_.advertises()) {
    progress_.Start(daemon_.timing.connect, [this] { Connected(); });
  } else {
    progress_.Start(daemon_.timing.give_up,
                    [this] { EndConnecting("le-connection-abort-by-local"); });
  }
}

void Device::Connected() {
  link_ = peripheral_.Connect(*this);
  if (link_ == nullptr) return EndConnecting("le-connection-abort-by-local");
  daemon_.tree.Set(path_, kInterface, {{"Connected", true}});
  EndConnecting("");
  progress_.Start(daemon_.timing.resolve, [this] { Resolved(); });
}

void Device::EndConnecting(const std::string& error) {
  if (const auto call = std::exchange(connecting_, std::nullopt)) {
    if (error.empty()) {
      call->Reply();
    } else {
      call->FailBluez("Failed", error);
    }
  }
  if (!pairing_) return;
  if (error.empty()) {
    AskPasskey();
  } else {
    EndPairing("ConnectionAttemptFailed", "Page Timeout");
  }
}

void Device::Resolved() {
  Profile profile = peripheral_.profile();
  const std::string battery_uuid = SigUuid(kBatteryServiceDigits);
  std::vector<std::string> uuids;
  for (const GattService& service : profile) uuids.push_back(service.uuid);
  if (peripheral_.faults().battery_claimed) {
    std::erase_if(profile, [&](const GattService& one) { return one.uuid == battery_uuid; });
  }
  gatt_.Export(profile);
  gatt_.LinkUp(*link_, may_access());
  Tree::Interface battery;
  battery.properties = {{"Percentage", peripheral_.battery()}};
  daemon_.tree.Add(path_, kBattery, std::move(battery));
  daemon_.tree.Set(path_, kInterface, {{"UUIDs", uuids}});
  resolved_ = true;
  daemon_.tree.Set(path_, kInterface, {{"ServicesResolved", true}});
}

void Device::Disconnect(const Call& call) {
  if (connecting_) {
    progress_.Stop();
    EndConnecting("br-connection-canceled");
  }
  peripheral_.EndLink();
  call.Reply();
}

void Device::Notified(Pipe pipe, const Bytes& value) {
  if (pipe == Pipe::kBattery && !value.empty()) {
    daemon_.tree.Set(path_, kBattery, {{"Percentage", value[0]}});
  }
  gatt_.Notified(pipe, value);
}

void Device::LinkLost() {
  if (std::exchange(link_, nullptr) == nullptr) return;
  progress_.Stop();
  gatt_.LinkLost();
  if (pairing_) EndPairing("AuthenticationCanceled", "Authentication Canceled");
  if (std::exchange(resolved_, false)) {
    daemon_.tree.Set(path_, kInterface, {{"ServicesResolved", false}});
    daemon_.tree.Remove(path_, kBattery);
  }
  daemon_.tree.Set(path_, kInterface, {{"Connected", false}});
  if (peripheral_.faults().remove_gatt) gatt_.Remove();
}

void Device::PowerLost() {
  if (connecting_ || (pairing_ && link_ == nullptr)) {
    progress_.Stop();
    EndConnecting("le-connection-abort-by-local");
  }
  if (link_ != nullptr) peripheral_.EndLink();
}

void Device::Pair(const Call& call) {
  if (paired()) return call.FailBluez("AlreadyExists", "Already Exists");
  if (pairing_ || connecting_) {
    return call.FailBluez("InProgress", "Operation already in progress");
  }
  const Value* powered = daemon_.tree.Find(adapter_, "org.bluez.Adapter1", "Powered");
  if (powered == nullptr || !std::get<bool>(*powered)) {
    return call.FailBluez("NotReady", "Resource Not Ready");
  }
  pairing_ = call;
  if (link_ == nullptr) {
    BeginConnecting();
  } else {
    AskPasskey();
  }
}

void Device::AskPasskey() {
  if (!peripheral_.faults().pairing) return EndPairing("", "");  // It just works.
  asked_ = std::make_shared<bool>(true);
  daemon_.agents.RequestPasskey(
      pairing_->sender(), path_,
      [this, asked = std::weak_ptr<bool>(asked_)](const Bus::Answer& answer) {
        if (asked.expired()) return;
        if (answer.error == "org.bluez.Error.Canceled") {
          EndPairing("AuthenticationCanceled", "Authentication Canceled");
        } else if (!answer.error.empty() || answer.number != peripheral_.identity().passkey) {
          EndPairing("AuthenticationFailed", "Authentication Failed");
        } else {
          EndPairing("", "");
        }
      });
}

void Device::EndPairing(const std::string& error, const std::string& text) {
  asked_.reset();
  const Call call = *std::exchange(pairing_, std::nullopt);
  if (!error.empty()) return call.FailBluez(error, text);
  daemon_.storage.paired.insert(peripheral_.identity().address);
  gatt_.Allow();
  daemon_.tree.Set(path_, kInterface, {{"Paired", true}, {"Bonded", true}});
  call.Reply();
}

void Device::CancelPairing(const Call& call) {
  if (!pairing_) return call.FailBluez("DoesNotExist", "Does Not Exist");
  if (link_ == nullptr) progress_.Stop();
  EndPairing("AuthenticationCanceled", "Authentication Canceled");
  call.Reply();
}

}  // namespace madoguchi::bluez
